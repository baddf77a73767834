//! Large numbers as people read them.

/// With a comma after the thousands, the millions and so on.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn a_comma_is_after_every_third_digit_from_the_right() {
        let written = [0, 999, 1_000, 31_623, 1_000_000].map(thousands);
        assert_eq!(written, ["0", "999", "1,000", "31,623", "1,000,000"]);
    }
}
