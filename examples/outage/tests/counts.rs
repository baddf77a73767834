//! What the example prints, held.

use outage::{Comparison, Traffic};

#[test]
fn the_sick_upstream_is_spared_and_finds_its_normal_rate_when_it_is_back() {
    let counts = Comparison::of(Traffic::ProgramsAndPeople);
    assert!(counts.fewer_in_all() >= 5.0, "{counts:?}");
    assert!(counts.fewer_after_detection() >= 20.0, "{counts:?}");
    assert!(counts.surge() <= 1.5, "{counts:?}");
}

#[test]
fn tenants_that_are_all_alike_are_spared_what_comes_after_the_detection() {
    let counts = Comparison::of(Traffic::Even);
    assert!(counts.fewer_after_detection() >= 20.0, "{counts:?}");
    assert!(counts.surge() <= 1.5, "{counts:?}");
}
