use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ProviderErrorLayer;

/// What is torn into more is not read to the bound: a frame takes a hundred bytes, however short it is, and those without
/// data might never end.
const MOST_FRAMES: usize = 256;

pin_project! {
    /// A body of which the beginning may have been read before; made by a
    /// [`ProviderErrorLayer`](super::ProviderErrorLayer).
    ///
    /// It gives frame for frame what the other gives, its trailers, and its error where it breaks off.
    pub struct HandedOnBody<B: Body> {
        held: VecDeque<Frame<B::Data>>,
        held_bytes: u64,
        // Beyond what is held, nothing comes but this.
        last: Option<Result<(), B::Error>>,
        #[pin]
        body: B,
    }
}

impl<B: Body> HandedOnBody<B> {
    pub(super) const fn new(body: B) -> Self {
        Self {
            held: VecDeque::new(),
            held_bytes: 0,
            last: None,
            body,
        }
    }
}

impl<B> HandedOnBody<B>
where
    B: Body<Data: AsRef<[u8]>> + Unpin,
{
    /// Holds what comes, up to the end, an error, or the bound.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.last.is_none() && self.has_room() {
            if self.body.is_end_stream() {
                self.last = Some(Ok(()));
                break;
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.hold(frame),
                Some(Err(error)) => self.last = Some(Err(error)),
                None => self.last = Some(Ok(())),
            }
        }
        Poll::Ready(())
    }

    fn has_room(&self) -> bool {
        self.held_bytes < ProviderErrorLayer::MAX_READ as u64 && self.held.len() < MOST_FRAMES
    }

    fn hold(&mut self, frame: Frame<B::Data>) {
        match frame.data_ref() {
            Some(data) => self.held_bytes += data.as_ref().len() as u64,
            // Nothing comes after trailers, and nobody need ask.
            None => self.last = Some(Ok(())),
        }
        self.held.push_back(frame);
    }

    /// Looks at what is held, up to the bound.
    pub(super) fn with_read<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        const MOST: usize = ProviderErrorLayer::MAX_READ;
        let pieces = || {
            let data = self.held.iter().filter_map(Frame::data_ref);
            data.map(AsRef::as_ref).filter(|data| !data.is_empty())
        };
        let first = pieces().next().unwrap_or_default();
        if pieces().nth(1).is_none() {
            // Most come in one piece, which need not be copied.
            return look(&first[..first.len().min(MOST)]);
        }
        let length = pieces().map(<[u8]>::len).fold(0, usize::saturating_add);
        let mut whole = Vec::with_capacity(length.min(MOST));
        for piece in pieces() {
            let room = MOST - whole.len();
            whole.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        look(&whole)
    }
}

impl<B: Body> Body for HandedOnBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some(frame) = this.held.pop_front() {
            let length = frame.data_ref().map_or(0, bytes::Buf::remaining);
            *this.held_bytes = this.held_bytes.saturating_sub(length as u64);
            return Poll::Ready(Some(Ok(frame)));
        }
        match this.last {
            None => this.body.poll_frame(cx),
            Some(last) => match std::mem::replace(last, Ok(())) {
                Ok(()) => Poll::Ready(None),
                Err(error) => Poll::Ready(Some(Err(error))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty()
            && match self.last {
                None => self.body.is_end_stream(),
                Some(Ok(())) => true,
                Some(Err(_)) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let rest = match self.last {
            None => self.body.size_hint(),
            Some(Ok(())) => SizeHint::with_exact(0),
            // What was promised beyond the error does not come.
            Some(Err(_)) => self.body.size_hint(),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(self.held_bytes));
        // A server of HTTP/1 that is promised a length leaves trailers out.
        let has_trailers = self.held.back().is_some_and(Frame::is_trailers);
        if let Some(upper) = rest.upper().filter(|_| !has_trailers) {
            hint.set_upper(upper.saturating_add(self.held_bytes));
        }
        hint
    }
}

// By hand, without what is held: it is a provider's text.
impl<B: Body> fmt::Debug for HandedOnBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandedOnBody")
            .field("held_bytes", &self.held_bytes)
            .finish_non_exhaustive()
    }
}
