//! The atomics, locks and pointers of the crate, in one place so that a model checker can take theirs.
//!
//! The locks do not know poison. Nothing that a user wrote runs under one of them, and a circuit must
//! go on deciding whatever happened on another thread.

use std::ops::Deref;
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire,
    Ordering::Relaxed, Ordering::Release,
};
pub(crate) use std::sync::{Arc, OnceLock, Weak};
use std::sync::{MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard, TryLockError};

pub(crate) use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};
pub(crate) use once_cell::race::OnceBox;
pub(crate) use triomphe::ThinArc;

/// Whether nobody else holds it, and nobody can come to hold it meanwhile.
pub(crate) fn is_unshared<H, T>(held: &mut ThinArc<H, T>) -> bool {
    held.with_arc_mut(|held| triomphe::Arc::get_mut(held).is_some())
}

/// On cache lines of its own: who writes it slows nobody down who reads what lies beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> Deref for Apart<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    #[inline]
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock that threads read on cache lines of their own, where they are no more than eight: readers do not slow each
/// other down. Whoever writes takes all of them.
#[derive(Debug, Default)]
pub(crate) struct StripedLock<T>(ShardedLock<T>);

impl<T> StripedLock<T> {
    #[inline]
    pub(crate) fn read(&self) -> ShardedLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> ShardedLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
