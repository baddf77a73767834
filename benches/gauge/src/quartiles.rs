use std::fmt;

/// The median of many readings, and between what the middle half of them lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl Quartiles {
    /// None of no readings.
    #[must_use]
    pub fn of(readings: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut readings: Vec<f64> = readings.into_iter().collect();
        readings.sort_by(f64::total_cmp);
        let last = readings.len().checked_sub(1)?;
        // Between the two nearest readings, as R's type 7 and NumPy do.
        let at = |share: f64| {
            let place = share * last as f64;
            let (below, above) = (place.floor() as usize, place.ceil() as usize);
            readings[below] + (readings[above] - readings[below]) * place.fract()
        };
        Some(Self {
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
        })
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lower,
            median,
            upper,
        } = self;
        write!(f, "{median:.2} ({lower:.2} to {upper:.2})")
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn quartiles_lie_between_the_nearest_readings() {
        let quartiles = Quartiles::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(
            quartiles,
            Quartiles {
                lower: 1.75,
                median: 2.5,
                upper: 3.25
            }
        );
        assert_eq!(Quartiles::of([]), None);
        assert_eq!(Quartiles::of([7.0]).unwrap().median, 7.0);
    }
}
