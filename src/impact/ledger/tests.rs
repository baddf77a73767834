use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Bounds, Harm, Hour, Ledger, Part, Row, Subject};
use crate::sync::Arc;

const FAILED: Harm = Harm {
    failed: true,
    slow: false,
    rejected: false,
};

fn part(most_rows: usize) -> Part {
    Part {
        hours: VecDeque::new(),
        most_hours: 24,
        most_rows,
        most_turns: 8,
    }
}

/// A bad call in this hour, of a tenant that has no row yet where its number is new.
fn note(part: &mut Part, hour: u64, number: u64, is_newcomer: bool) {
    let (tenant, dependency) = (number.to_string(), Arc::from("search"));
    let subject = Subject {
        tenant: Some(&tenant),
        dependency: &dependency,
        is_newcomer,
    };
    // Spread over all bits, as hashes are.
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    part.note(subject, hash, hour, FAILED, None);
}

/// How many rows each hour has, and how many of them are of newcomers.
fn rows(part: &Part) -> Vec<(usize, usize)> {
    let hours = part.hours.iter();
    hours
        .map(|hour| (hour.rows.len(), hour.newcomers))
        .collect()
}

#[test]
fn tenants_are_spread_over_all_parts() {
    let ledger = Ledger::new(Bounds {
        rows: 16 * 256,
        hours: 24,
        turns: 8,
        built_at: Duration::ZERO,
    });
    let dependency = Arc::from("search");
    let mut tenants = HashMap::new();
    for number in 0..16_000 {
        let tenant = number.to_string();
        let subject = Subject {
            tenant: Some(&tenant),
            dependency: &dependency,
            is_newcomer: false,
        };
        let at = ledger.at(subject, |part, _| std::ptr::from_ref(part) as usize);
        *tenants.entry(at).or_insert(0_i32) += 1;
    }
    // By twelve standard deviations.
    assert_eq!(tenants.len(), 16);
    assert!(
        tenants
            .values()
            .all(|tenants| (tenants - 1_000).abs() < 380)
    );
}

#[test]
fn a_newcomer_that_becomes_known_is_one_no_more() {
    let mut part = part(8);
    for number in 0..3 {
        note(&mut part, 0, number, true);
    }
    assert_eq!(rows(&part), [(3, 3)]);
    for _ in 0..2 {
        note(&mut part, 0, 1, false);
    }
    assert_eq!(rows(&part), [(3, 2)]);
    // Once known, it stays so.
    note(&mut part, 0, 1, true);
    assert_eq!(rows(&part), [(3, 2)]);
}

#[test]
fn newcomers_of_two_hours_share_the_room_as_far_as_it_goes() {
    let mut part = part(3);
    note(&mut part, 0, 0, true);
    note(&mut part, 0, 1, true);
    note(&mut part, 1, 2, true);
    // One more here and one less there would be no fairer.
    note(&mut part, 1, 3, true);
    assert_eq!(rows(&part), [(2, 2), (1, 1)]);
    assert_eq!(part.hours[1].unlisted, 1);
    note(&mut part, 2, 4, true);
    assert_eq!(rows(&part), [(1, 1), (1, 1), (1, 1)]);
    assert_eq!(part.hours[0].dropped, 1);
}

#[test]
fn a_table_gives_back_what_is_more_than_half_empty_and_no_sooner() {
    let mut part = part(1_000);
    for number in 0..56 {
        note(&mut part, 0, number, false);
    }
    let hour: &mut Hour = &mut part.hours[0];
    let full = hour.rows.num_buckets();
    while hour.rows.len() > 26 {
        assert!(hour.drop_one(|_| true));
        let (rows, buckets) = (hour.rows.len(), hour.rows.num_buckets());
        assert_eq!(buckets, full, "for {rows} rows");
    }
    assert!(hour.drop_one(|_| true));
    assert_eq!(hour.rows.num_buckets(), full / 2, "25 rows in 56 places");
    while hour.rows.len() > 1 {
        assert!(hour.drop_one(|_| true));
    }
    let buckets = hour.rows.num_buckets();
    assert!(buckets <= full / 4, "{buckets} buckets for one row");
}

#[test]
fn all_that_is_bad_about_calls_counts() {
    let row = Row {
        calls: 8,
        failed: 1,
        slow: 2,
        rejected: 4,
        ..Row::default()
    };
    assert_eq!(row.bad(), 7);
}
