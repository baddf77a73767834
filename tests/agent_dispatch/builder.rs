//! What cannot be declared says what is wrong with it.

use std::error::Error;

use tower_tenant_breaker::DeclareError;
use tower_tenant_breaker::agent::PlainName;
use tower_tenant_breaker::agent::ToolsError;

use super::*;

fn error_of(builder: ToolsBuilder) -> ToolsError {
    builder.build().unwrap_err()
}

fn text_of(builder: ToolsBuilder) -> String {
    let error = error_of(builder);
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn none() -> ToolsBuilder {
    declare(&registry())
}

fn some() -> ToolsBuilder {
    none().tool(Tool::new("search"))
}

#[test]
fn no_tool_at_all() {
    assert_eq!(text_of(none()), "there are 0 tools, but must be at least 1");
}

#[test]
fn two_tools_of_one_name() {
    let text = text_of(some().tool(Tool::new("web")).tool(Tool::new("search")));
    assert_eq!(text, r#"the tool "search" is declared twice"#);
}

#[test]
fn a_name_that_is_empty_or_too_long() {
    for (bytes, name) in [(0, String::new()), (257, "x".repeat(257))] {
        let shown = PlainName(&name);
        let expected = format!(
            "the tool \"{shown}\" cannot be declared: the dependency's name has {bytes} bytes, but must have from 1 to 256"
        );
        assert_eq!(text_of(some().tool(Tool::new(&*name))), expected);
    }
    assert!(some().tool(Tool::new("x".repeat(256))).build().is_ok());
}

#[test]
fn a_timeout_that_is_zero_or_over_a_day() {
    let day = Duration::from_secs(86_400);
    for (timeout, shown) in [
        (Duration::ZERO, "0ns"),
        (day + Duration::from_nanos(1), "86400.000000001s"),
    ] {
        let of_one = text_of(none().tool(Tool::new("search").timeout(timeout)));
        let bounds = "but must be over 0 and up to 24 h";
        assert_eq!(
            of_one,
            format!(r#"the timeout of the tool "search" is {shown}, {bounds}"#)
        );
        let of_all = text_of(some().timeout(timeout));
        assert_eq!(
            of_all,
            format!("the timeout of all tools is {shown}, {bounds}")
        );
    }
    for timeout in [Duration::from_nanos(1), day] {
        assert!(some().timeout(timeout).build().is_ok());
    }
}

#[test]
fn a_substitute_that_is_the_tool_itself_or_none() {
    for name in ["search", "encyclopedia"] {
        let text = text_of(none().tool(Tool::new("search").substitutes([name])));
        let expected =
            format!(r#"the tool "search" has "{name}" as a substitute, which is no other tool"#);
        assert_eq!(text, expected);
    }
}

#[test]
fn the_same_substitute_twice() {
    let search = Tool::new("search").substitutes(["web", "books", "web"]);
    let text = text_of(none().tools([search, Tool::new("web"), Tool::new("books")]));
    assert_eq!(text, r#"the tool "search" has "web" as a substitute twice"#);
}

#[test]
fn more_substitutes_than_a_signal_can_tell_of() {
    let names: Vec<_> = (0..65).map(|n| format!("other_{n}")).collect();
    let others = || names.iter().map(|name| Tool::new(name.as_str()));
    let search = |n: usize| Tool::new("search").substitutes(names[..n].iter().map(String::as_str));
    let text = text_of(none().tools(others()).tool(search(65)));
    assert_eq!(
        text,
        r#"the tool "search" has 65 substitutes, but must have up to 64"#
    );
    assert!(none().tools(others()).tool(search(64)).build().is_ok());
}

#[test]
fn a_policy_other_than_that_of_the_dependency() {
    let registry = registry();
    registry.dependency("search").unwrap();
    let search = Tool::new("search").policy(policy().build().unwrap());
    let error = error_of(declare(&registry).tool(search));
    assert_eq!(error.to_string(), r#"the tool "search" cannot be declared"#);
    let (tool, cause) = ("search".into(), DeclareError::OtherPolicy("search".into()));
    assert_eq!(error, ToolsError::Declare { tool, error: cause });
}

#[test]
fn what_cannot_be_declared_declares_nothing() {
    let registry = registry();
    let bad = [
        Tool::new("x".repeat(257)),
        Tool::new("book").timeout(Duration::ZERO),
        Tool::new("book").substitutes(["fly"]),
        Tool::new("a"),
    ];
    for tool in bad {
        let tools = [Tool::new("a"), tool, Tool::new("z")];
        assert!(declare(&registry).tools(tools).build().is_err());
        assert!(registry.dependencies().is_empty());
    }
}
