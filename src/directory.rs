//! The dependencies of a registry by name, read without a lock.

use std::hash::{BuildHasher, RandomState};

use crate::dependency::Dependency;
use crate::sync::OnceLock;

const BUCKETS: usize = 64;

/// A map that only grows: a dependency that comes from the request is looked up on the call path, where a
/// read lock would be shared by all tenants.
#[derive(Debug)]
pub(crate) struct Directory {
    buckets: [Link; BUCKETS],
    hasher: RandomState,
}

type Link = OnceLock<Box<Node>>;

#[derive(Debug)]
struct Node {
    dependency: Dependency,
    next: Link,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| OnceLock::new()),
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Dependency> {
        self.bucket(name)
            .find(|dependency| dependency.name() == name)
    }

    /// Adds a dependency. The caller holds a lock against others who add, and has looked for the name.
    pub(crate) fn insert(&self, dependency: Dependency) {
        let mut link = &self.buckets[self.index(dependency.name())];
        while let Some(node) = link.get() {
            link = &node.next;
        }
        let next = OnceLock::new();
        let _ = link.set(Box::new(Node { dependency, next }));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Dependency> {
        self.buckets.iter().flat_map(nodes)
    }

    fn bucket(&self, name: &str) -> impl Iterator<Item = &Dependency> {
        nodes(&self.buckets[self.index(name)])
    }

    fn index(&self, name: &str) -> usize {
        self.hasher.hash_one(name) as usize % BUCKETS
    }
}

fn nodes(link: &Link) -> impl Iterator<Item = &Dependency> {
    std::iter::successors(link.get(), |node| node.next.get()).map(|node| &node.dependency)
}
