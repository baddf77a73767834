//! Small files, woven.

use crate::cloth::Cloth;
use crate::constants;
use crate::mutant::{Genre, Mutant, Place, Span};
use crate::refused;
use crate::threads;

/// A mutant at the first place where this is in the text.
fn mutant(text: &str, genre: Genre, at: &str, replacement: &str) -> Mutant {
    let byte = text.find(at).unwrap();
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    Mutant {
        file: "a.rs".to_owned(),
        genre,
        name: format!("{at} with {replacement}"),
        replacement: replacement.to_owned(),
        span: Span {
            start: Place { line, column },
        },
    }
}

/// With the white space of a line between all words.
fn woven(text: &str, mutants: &[Mutant]) -> String {
    let cloth = cloth(text, mutants);
    let words: Vec<_> = cloth.text.split_whitespace().collect();
    words.join(" ").replace("crate::woven::chosen()", "N")
}

fn cloth(text: &str, mutants: &[Mutant]) -> Cloth {
    let numbered: Vec<_> = (1..).zip(mutants).collect();
    let in_constants = constants::names_in([text]).unwrap();
    Cloth::woven(text, &threads::of(text, &numbered, &in_constants).unwrap())
}

#[test]
fn an_operator_is_changed_in_the_whole_chain_of_which_it_binds_a_part() {
    let text = "fn f() -> u8 { a + b * g(c - d) }";
    let mutants = [
        mutant(text, Genre::BinaryOperator, "*", "-"),
        mutant(text, Genre::BinaryOperator, "- d", "+"),
    ];
    assert_eq!(
        woven(text, &mutants),
        "fn f() -> u8 { (match N { 1 => a + b - g(c - d), \
         _ => a + b * g((match N { 2 => c + d, _ => c - d })) }) }"
    );
}

#[test]
fn in_a_chain_with_a_let_no_operator_of_its_own_is_changed() {
    let text = "fn f() { if a == b && !c && let D(e) = g + h && (i && j) {} }";
    let mutants = [
        mutant(text, Genre::BinaryOperator, "==", "!="),
        mutant(text, Genre::BinaryOperator, "&& !c", "||"),
        mutant(text, Genre::BinaryOperator, "&& let", "||"),
        mutant(text, Genre::BinaryOperator, "+", "-"),
        mutant(text, Genre::BinaryOperator, "&& (i", "||"),
        mutant(text, Genre::BinaryOperator, "&& j", "||"),
    ];
    assert_eq!(
        woven(text, &mutants),
        "fn f() { if (match N { 1 => a != b, _ => a == b }) && !c && let D(e) = (match N { 4 => g - h, _ => g + h }) \
         && ((match N { 6 => i || j, _ => i && j })) {} }"
    );
}

#[test]
fn a_value_comes_before_all_that_the_body_does() {
    let text = "fn f() -> bool { !a }";
    let mutants = [
        mutant(text, Genre::FnValue, "!a", "true"),
        mutant(text, Genre::UnaryOperator, "!a", ""),
    ];
    assert_eq!(
        woven(text, &mutants),
        "fn f() -> bool { if (N == 1) { return true; } (match N { 2 => a, _ => !a }) }"
    );
}

#[test]
fn an_arm_that_goes_has_a_guard_and_one_without_an_arm_for_the_rest_stays() {
    let text = "fn f() { match a { A => {} B if g || h => {} _ => {} } }";
    let mutants = [
        mutant(text, Genre::MatchArm, "A =>", ""),
        mutant(text, Genre::MatchArm, "B if", ""),
        mutant(text, Genre::MatchArmGuard, "g ||", "true"),
    ];
    assert_eq!(
        woven(text, &mutants),
        "fn f() { match a { A if !(N == 1) => {} \
         B if !(N == 2) && ((match N { 3 => true, _ => g || h })) => {} _ => {} } }"
    );
    let text = "fn f() { match a { A => {} B => {} } }";
    let mutants = [mutant(text, Genre::MatchArm, "A =>", "")];
    assert_eq!(woven(text, &mutants), text);
}

#[test]
fn a_field_is_that_of_the_rest() {
    let text = "fn f() { S { a: x + y, b, ..R } }";
    let mutants = [
        mutant(text, Genre::StructField, "a:", ""),
        mutant(text, Genre::StructField, "b,", ""),
        mutant(text, Genre::BinaryOperator, "+", "-"),
    ];
    assert_eq!(
        woven(text, &mutants),
        "fn f() { S { a: if (N == 1) { (R).a } else { (match N { 3 => x - y, _ => x + y }) }, \
         b: if (N == 2) { (R).b } else { b }, ..R } }"
    );
}

#[test]
fn what_is_evaluated_before_a_run_can_choose_is_as_it_was() {
    let text = "const A: u8 = 1 + 2 + e(); const fn e() -> u8 { f() } const fn f() -> u8 { 3 + 4 } \
                fn g() -> impl Fn() { h } fn i() { let [_, _] = [0; 5 + 6]; }";
    let mutants = [
        mutant(text, Genre::BinaryOperator, "+ 2", "-"),
        mutant(text, Genre::FnValue, "3 + 4", "0"),
        mutant(text, Genre::BinaryOperator, "+ 4", "-"),
        mutant(text, Genre::FnValue, "h }", "i"),
        mutant(text, Genre::BinaryOperator, "+ 6", "-"),
    ];
    assert_eq!(woven(text, &mutants), text);
}

#[test]
fn a_function_that_no_constant_calls_may_choose() {
    let text = "pub const fn f() -> u8 { g() } const fn g() -> u8 { 3 + 4 } \
                const fn h() -> u8 { 5 } m! { const A: u8 = h(); } \
                const fn j() -> usize { 6 } fn i(_: [u8; j()]) {}";
    let mutants = [
        mutant(text, Genre::FnValue, "g()", "0"),
        mutant(text, Genre::BinaryOperator, "+", "-"),
        mutant(text, Genre::FnValue, "5", "0"),
        mutant(text, Genre::FnValue, "6 }", "0"),
    ];
    assert_eq!(
        woven(text, &mutants),
        "pub /* const */ fn f() -> u8 { if (N == 1) { return 0; } g() } \
         /* const */ fn g() -> u8 { (match N { 2 => 3 - 4, _ => 3 + 4 }) } \
         const fn h() -> u8 { 5 } m! { const A: u8 = h(); } \
         const fn j() -> usize { 6 } fn i(_: [u8; j()]) {}"
    );
}

#[test]
fn an_error_is_of_the_mutant_in_whose_lines_it_is_and_else_of_all_of_its_choice() {
    let text = "fn f() -> u8 { a + b }";
    let mutants = ["-", "*"].map(|other| mutant(text, Genre::BinaryOperator, "+", other));
    let cloth = cloth(text, &mutants);
    let lines = |of: &[(usize, std::ops::RangeInclusive<usize>)], number| {
        let (_, lines) = of.iter().find(|(mutant, _)| *mutant == number).unwrap();
        format!("{}\t{}", lines.start(), lines.end())
    };
    let rows: Vec<_> = (1..=2)
        .map(|number| {
            let (own, whole) = (lines(&cloth.own, number), lines(&cloth.whole, number));
            format!("{number}\tmutant {number}\ta.rs\t{own}\t{whole}")
        })
        .collect();
    let refused = |line: usize| {
        let message = serde_json::json!({"message": {
            "level": "error",
            "rendered": "",
            "spans": [{"file_name": "a.rs", "line_start": line, "is_primary": true}],
        }});
        let names = refused::names(&rows.join("\n"), &message.to_string()).unwrap();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let line_of = |part: &str| {
        cloth
            .text
            .lines()
            .position(|line| line.contains(part))
            .unwrap()
            + 1
    };
    assert_eq!(refused(line_of("a - b")), "mutant 1");
    assert_eq!(refused(line_of("a * b")), "mutant 2");
    assert_eq!(refused(line_of("_ => a + b")), "mutant 1, mutant 2");
    assert_eq!(refused(line_of("_ => a + b") + 9), "");
}
