//! What a storm ended on.

use std::fmt::Display;

/// A figure and the bound that it is to keep.
#[derive(Debug)]
pub struct Figure {
    pub what: &'static str,
    pub figure: String,
    pub bound: String,
    pub held: bool,
}

impl Figure {
    /// One that is to be this and no other.
    pub fn exactly<T: PartialEq + Display>(what: &'static str, figure: T, expected: T) -> Self {
        Self {
            what,
            held: figure == expected,
            figure: figure.to_string(),
            bound: expected.to_string(),
        }
    }

    pub fn at_most<T: PartialOrd + Display>(what: &'static str, figure: T, bound: T) -> Self {
        Self {
            what,
            held: figure <= bound,
            figure: figure.to_string(),
            bound: format!("at most {bound}"),
        }
    }

    /// One that shows that the storm was one.
    pub fn at_least<T: PartialOrd + Display>(what: &'static str, figure: T, bound: T) -> Self {
        Self {
            what,
            held: figure >= bound,
            figure: figure.to_string(),
            bound: format!("at least {bound}"),
        }
    }

    /// One that is read from the memory of the process. Where that cannot be read, nothing is known, and so nothing held.
    pub fn of_memory<T: PartialOrd + Display>(
        what: &'static str,
        figure: Option<T>,
        bound: T,
    ) -> Self {
        match figure {
            Some(figure) => Self::at_most(what, figure, bound),
            None => Self {
                what,
                figure: "unknown: `/proc/self/status` does not say what is resident".to_owned(),
                bound: format!("at most {bound}"),
                held: false,
            },
        }
    }
}
