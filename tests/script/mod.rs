//! A body that does as a script says, one step for each poll. Shared by the tests of what watches bodies.

#![allow(dead_code, unreachable_pub)]

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};

#[derive(Clone, Debug)]
pub enum Step {
    Data(&'static str),
    Trailers(&'static [(&'static str, &'static str)]),
    Wait,
    Break,
    Panic,
    End,
}

pub use Step::{Break, Data, End, Panic, Trailers, Wait};

#[derive(Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection reset")
    }
}

impl std::error::Error for Broken {}

/// At the end of its script it waits for ever.
#[derive(Debug)]
pub struct Script {
    steps: VecDeque<Step>,
    knows_its_end: bool,
    promises: Option<u64>,
    polled: usize,
}

pub fn script(steps: &[Step]) -> Script {
    Script {
        steps: steps.iter().cloned().collect(),
        knows_its_end: false,
        promises: Some(77),
        polled: 0,
    }
}

impl Script {
    /// Says nothing of its length.
    pub fn of_unknown_length(mut self) -> Self {
        self.promises = None;
        self
    }

    /// Says before it is polled that its end is next.
    pub fn that_knows_its_end(mut self) -> Self {
        self.knows_its_end = true;
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.polled += 1;
        match self.steps.pop_front() {
            Some(Data(data)) => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))))
            }
            Some(Trailers(pairs)) => {
                let trailers = pairs.iter().map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                });
                Poll::Ready(Some(Ok(Frame::trailers(trailers.collect::<HeaderMap>()))))
            }
            Some(Break) => Poll::Ready(Some(Err(Broken))),
            Some(Panic) => panic!("the decoder is broken"),
            Some(End) => Poll::Ready(None),
            Some(Wait) | None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        assert!(
            !matches!(self.steps.front(), Some(Panic)) || self.polled == 0,
            "the decoder is broken"
        );
        self.knows_its_end && matches!(self.steps.front(), Some(End))
    }

    fn size_hint(&self) -> SizeHint {
        self.promises
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

pub type Polled<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// One poll, by nobody who would be woken.
pub fn poll<B: Body + Unpin>(body: &mut B) -> Polled<B> {
    Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
}

/// Polls so many times.
pub fn polls<B: Body + Unpin>(body: &mut B, times: usize) {
    for _ in 0..times {
        let _ = poll(body);
    }
}
