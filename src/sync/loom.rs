//! In the place of `sync.rs` where loom checks the crate: the same names, over loom's atomics and locks.
//!
//! What loom has not is here in the shape of the real one, over an atomic of loom's that carries its orderings. Which
//! values it has held is kept beside that, where loom does not see it: it runs one thread at a time, and none stops
//! between the two.

use std::fmt;
use std::ops::Deref;
use std::sync::Mutex as Unseen;

/// As it is: that it counts is proven elsewhere, and of its count nobody asks here, but of the circuits'.
pub(crate) use std::sync::{Arc, Weak};

pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire,
    Ordering::Relaxed, Ordering::Release,
};
use loom::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// Loom looks at no cache lines.
#[derive(Debug, Default)]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(loom::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap()
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap()
    }
}

/// The striped lock is that of a library, and tested there: what it promises is what this one does.
pub(crate) type StripedLock<T> = RwLock<T>;

/// As `triomphe::ThinArc`, over the counting pointer of loom's.
pub(crate) struct ThinArc<H, T>(loom::sync::Arc<Held<H, T>>);

/// As the fields of `triomphe::HeaderSlice`.
pub(crate) struct Held<H, T> {
    pub(crate) header: Header<H>,
    pub(crate) slice: Box<[T]>,
}

pub(crate) struct Header<H> {
    pub(crate) header: H,
}

impl<H, T: Copy> ThinArc<H, T> {
    pub(crate) fn from_header_and_slice(header: H, slice: &[T]) -> Self {
        Self(loom::sync::Arc::new(Held {
            header: Header { header },
            slice: slice.into(),
        }))
    }
}

impl<H, T> Clone for ThinArc<H, T> {
    fn clone(&self) -> Self {
        Self(loom::sync::Arc::clone(&self.0))
    }
}

impl<H, T> Deref for ThinArc<H, T> {
    type Target = Held<H, T>;

    fn deref(&self) -> &Held<H, T> {
        &self.0
    }
}

pub(crate) fn is_unshared<H, T>(held: &mut ThinArc<H, T>) -> bool {
    loom::sync::Arc::get_mut(&mut held.0).is_some()
}

/// As `arc_swap::ArcSwapAny`: a load sees what was done before the store of what it finds, and no more.
///
/// Keeps all that it ever held until it goes itself, so none is freed beneath a reader here: that is for the real one.
pub(crate) struct Swap<T> {
    /// Which of those it is.
    at: AtomicUsize,
    held: Unseen<Vec<T>>,
}

pub(crate) type ArcSwap<T> = Swap<Arc<T>>;
pub(crate) type ArcSwapOption<T> = Swap<Option<Arc<T>>>;

/// What was found.
#[derive(Debug)]
pub(crate) struct Guard<T>(T);

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> Swap<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            at: AtomicUsize::new(0),
            held: Unseen::new(vec![value]),
        }
    }

    pub(crate) fn load_full(&self) -> T {
        let at = self.at.load(Acquire);
        self.held.lock().unwrap()[at].clone()
    }

    pub(crate) fn load(&self) -> Guard<T> {
        Guard(self.load_full())
    }

    pub(crate) fn swap(&self, value: T) -> T {
        let next = {
            let mut held = self.held.lock().unwrap();
            held.push(value);
            held.len() - 1
        };
        let before = self.at.swap(next, AcqRel);
        self.held.lock().unwrap()[before].clone()
    }

    pub(crate) fn store(&self, value: T) {
        let _ = self.swap(value);
    }
}

impl<T> Swap<Option<Arc<T>>> {
    pub(crate) fn empty() -> Self {
        Self::new(None)
    }
}

impl<T> Default for Swap<Option<Arc<T>>> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T> fmt::Debug for Swap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap").finish_non_exhaustive()
    }
}

/// As `std::sync::OnceLock`: of several that would make the value, one does, and the others wait for it.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    is_made: AtomicBool,
    making: Mutex<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            is_made: AtomicBool::new(false),
            making: Mutex::new(()),
            value: std::sync::OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.is_made
            .load(Acquire)
            .then(|| self.value.get().unwrap())
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _making = self.making.lock();
        self.value.set(value)?;
        self.is_made.store(true, Release);
        Ok(())
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let _making = self.making.lock();
        if self.value.get().is_none() {
            let _ = self.value.set(make());
            self.is_made.store(true, Release);
        }
        self.value.get().unwrap()
    }
}

impl<T> OnceLock<T> {
    pub(crate) fn take(&mut self) -> Option<T> {
        let value = self.value.take();
        self.is_made.store(false, Relaxed);
        value
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// As `once_cell::race::OnceBox`: of several that would make the value, all do, and the first is kept.
#[derive(Debug)]
pub(crate) struct OnceBox<T> {
    is_made: AtomicBool,
    value: std::sync::OnceLock<Box<T>>,
}

impl<T> OnceBox<T> {
    pub(crate) fn new() -> Self {
        Self {
            is_made: AtomicBool::new(false),
            value: std::sync::OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.is_made
            .load(Acquire)
            .then(|| &**self.value.get().unwrap())
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let value = make();
        let is_first = self
            .is_made
            .compare_exchange(false, true, AcqRel, Acquire)
            .is_ok();
        if is_first {
            let _ = self.value.set(value);
        }
        self.value.get().unwrap()
    }
}
