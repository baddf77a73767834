//! Messages in words from a string.

use tokio::time::advance;
use tower_tenant_breaker::agent::{MessageTemplate, TemplateError, Tool, Tools};

use crate::{SECOND, at_noon, fail, registry, rejected};

const ALL: &str = "{tool_name} is out ({reason}).[ Wait {retry_after_seconds} s.][ Out since {since}.][ Use {alternatives}.]";

fn tools(template: MessageTemplate) -> (tower_tenant_breaker::CircuitBreakerRegistry, Tools) {
    let registry = registry();
    let tools = at_noon(&registry)
        .0
        .tool(Tool::new("search").substitutes(["web", "encyclopedia"]))
        .tool(Tool::new("web"))
        .tool(Tool::new("encyclopedia"))
        .tool(Tool::new("book").has_side_effects())
        .wording(template)
        .build()
        .unwrap();
    (registry, tools)
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_put_in() {
    let (registry, tools) = tools(MessageTemplate::new(ALL).unwrap());
    advance(SECOND).await;
    let search = fail(&registry, "search", "acme");
    advance(SECOND / 2).await;
    assert_eq!(
        rejected(&tools, &search, "acme").message(),
        "\"search\" is out (circuit_open_failures). Wait 30 s. Out since 2026-11-29T12:00:01Z. Use \"web\", \"encyclopedia\"."
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_absent_takes_its_brackets_with_it() {
    let (registry, tools) = tools(MessageTemplate::new(ALL).unwrap());
    let web = registry.get("web").unwrap();
    web.force_open("maintenance");
    assert_eq!(
        rejected(&tools, &web, "acme").message(),
        "\"web\" is out (circuit_forced_open). Out since 2026-11-29T12:00:00Z."
    );
    // One of two absent.
    let both = MessageTemplate::new("{tool_name}[: {retry_after_seconds} s, else {alternatives}]!")
        .unwrap();
    let (registry, tools) = self::tools(both);
    let web = fail(&registry, "web", "acme");
    assert_eq!(rejected(&tools, &web, "acme").message(), "\"web\"!");
    let search = fail(&registry, "search", "acme");
    assert_eq!(
        rejected(&tools, &search, "acme").message(),
        "\"search\": 30 s, else \"encyclopedia\"!"
    );
}

#[test]
fn doubled_signs_are_written() {
    let template =
        MessageTemplate::new("{{{tool_name}}} [[not left out]] }}{{ ]][[é[{{[[{alternatives}]")
            .unwrap();
    let (_, tools) = tools(template);
    let said = |tool: &str| tools.failed("acme", tool).unwrap().message();
    assert_eq!(said("web"), "{\"web\"} [not left out] }{ ][é");
    assert_eq!(
        said("search"),
        "{\"search\"} [not left out] }{ ][é{[\"web\", \"encyclopedia\""
    );
}

#[test]
fn a_call_that_may_have_taken_effect_is_said_to() {
    let template = MessageTemplate::new("{tool_name}: {reason}.").unwrap();
    let (_, english) = tools(template.clone());
    assert_eq!(
        english.failed("acme", "book").unwrap().message(),
        "\"book\": tool_call_failed. It may have taken effect all the same: find out before you call it again."
    );
    assert_eq!(
        english.failed("acme", "web").unwrap().message(),
        "\"web\": tool_call_failed."
    );
    let (_, own) = tools(template.warning(" Look {first}!").unwrap());
    assert_eq!(
        own.failed("acme", "book").unwrap().message(),
        "\"book\": tool_call_failed. Look {first}!"
    );
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    let too_long = "x".repeat(MessageTemplate::MAX_BYTES + 1);
    let unbalanced = |sign| move |at| TemplateError::Unbalanced { sign, at };
    let unknown = |name: &str, at| TemplateError::UnknownPlaceholder {
        name: name.into(),
        at,
    };
    for (text, error, says) in [
        ("", TemplateError::Empty, "the template is empty"),
        (
            &*too_long,
            TemplateError::TooLong { bytes: 4_097 },
            "the template has 4097 bytes, but must have up to 4096",
        ),
        (
            "Ü: {tool}",
            unknown("tool", 4),
            "the placeholder {tool} at character 4 is unknown; there are {tool_name}, {reason}, {retry_after_seconds}, \
             {since}, {alternatives}",
        ),
        (
            "{\u{202e}\n\"}",
            unknown("___", 1),
            "the placeholder {___} at character 1 is unknown; there are {tool_name}, {reason}, {retry_after_seconds}, \
             {since}, {alternatives}",
        ),
        (
            "{}",
            unknown("", 1),
            "the placeholder {} at character 1 is unknown",
        ),
        (
            "{ tool_name }",
            unknown("_tool_name_", 1),
            "the placeholder {_tool_name_} at character 1",
        ),
        (
            "Since {since}",
            TemplateError::MayBeAbsent {
                name: "since",
                at: 7,
            },
            "what {since} at character 7 stands for may be absent, so it must be in square brackets, with all that is left \
             out then",
        ),
        (
            "Use[ {alternatives}",
            unbalanced('[')(4),
            "the '[' at character 4 has no other half; to write it, double it",
        ),
        (
            "a]",
            unbalanced(']')(2),
            "the ']' at character 2 has no other half",
        ),
        (
            "a}",
            unbalanced('}')(2),
            "the '}' at character 2 has no other half",
        ),
        (
            "{{{tool_name",
            unbalanced('{')(3),
            "the '{' at character 3 has no other half",
        ),
        (
            "[{since}[{alternatives}]]",
            TemplateError::Nested { at: 9 },
            "the '[' at character 9 is within square brackets; to write it, double it",
        ),
        (
            "{tool_name} [now]",
            TemplateError::NoPlaceholder { at: 13 },
            "the square brackets at character 13 hold no placeholder; to write them, double them",
        ),
        (
            "[]",
            TemplateError::NoPlaceholder { at: 1 },
            "the square brackets at character 1",
        ),
    ] {
        let found = MessageTemplate::new(text).unwrap_err();
        assert_eq!(found, error, "of {text:?}");
        assert!(found.to_string().starts_with(says), "{found}");
    }
    let template = MessageTemplate::new(&too_long[1..]).unwrap();
    assert_eq!(template.clone().warning(""), Err(TemplateError::Empty));
    assert_eq!(
        template.warning(&too_long),
        Err(TemplateError::TooLong { bytes: 4_097 })
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([{}\\[\\]]|\\{(tool_name|reason|since|alternatives)\\}|é|.){0,40}") {
        if let Ok(template) = MessageTemplate::new(&text) {
            let (_, tools) = tools(template);
            tools.failed("acme", "search").unwrap().message();
        }
    }

    #[test]
    fn text_with_its_signs_doubled_is_written_as_it_is(text in ".{1,60}") {
        let mut doubled = String::new();
        for letter in text.chars() {
            let times = if "{}[]".contains(letter) { 2 } else { 1 };
            doubled.extend(std::iter::repeat_n(letter, times));
        }
        let (_, tools) = tools(MessageTemplate::new(&doubled).unwrap());
        proptest::prop_assert_eq!(tools.failed("acme", "search").unwrap().message(), text);
    }
}
