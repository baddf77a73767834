//! What other counts have in them.

use std::hint::black_box;

use crate::drive::{Call, drive, http, inner};
use crate::load::{ALL, quiet};
use crate::row::Rows;
use crate::state::State;

pub fn count(rows: &Rows<'_>) {
    let quiet = &quiet(ALL);
    rows.row("loop alone", quiet, State::Closed, |calls| {
        calls.each(|tenant| {
            black_box(tenant);
        });
    });
    rows.row("clock, read twice", quiet, State::Closed, |calls| {
        calls.each(|_| {
            black_box(tokio::time::Instant::now());
            black_box(tokio::time::Instant::now());
        });
    });
    rows.row("service alone", quiet, State::Closed, |calls| {
        let mut service = inner();
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row("HTTP service alone", quiet, State::Closed, |calls| {
        let mut service = http::inner();
        calls.each(|tenant| {
            black_box(drive(&mut service, Call(tenant))).unwrap();
        });
    });
    rows.row(
        "HTTP service alone, `http::Request`",
        quiet,
        State::Closed,
        |calls| {
            let mut service = http::echo();
            calls.each_with(http::request, |request| {
                black_box(drive(&mut service, request)).unwrap().into_body()
            });
        },
    );
}
