//! Values without what proptest needs to shrink them.

use proptest::strategy::{Just, NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// A value as it was drawn: histories are shortened by `play::shortest`, and trees of steps that are never shrunk
/// would take most of the time.
#[derive(Clone, Debug)]
pub(crate) struct Drawn<S>(pub(crate) S);

impl<S: Strategy> Strategy for Drawn<S>
where
    S::Value: Clone,
{
    type Tree = Just<S::Value>;
    type Value = S::Value;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Just(self.0.new_tree(runner)?.current()))
    }
}
