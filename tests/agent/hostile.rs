//! Names of tools that nobody vouches for, through the public interface.

use proptest::prelude::*;
use serde_json::{Value, from_str};
use tower_tenant_breaker::agent::{MessageTemplate, PlainName, Tool, Tools};

use crate::registry;

/// What is left of a text once all that was put in is taken out.
fn skeleton(text: &str, names: &[&str]) -> String {
    let quoted = |name: &&str| format!("\"{}\"", PlainName(name));
    let mut names: Vec<_> = names.iter().map(quoted).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(name, "NAME"))
}

fn is_one_plain_line(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_name_breaks_out_of_a_note_or_a_message(
        name in "\\PC{1,40}|[\\x00-\\x1f\"'`\u{202e}\u{2028}\u{e0041}]{1,60}",
        substitute in "\\PC{1,40}",
    ) {
        prop_assume!(name != substitute && name.len() <= 256 && substitute.len() <= 256);
        let words = "Without {tool_name}: {reason}.[ Use {alternatives}.]";
        for template in [None, Some(MessageTemplate::new(words).unwrap())] {
            let registry = registry();
            let mut builder = Tools::builder(&registry)
                .tool(Tool::new(&*name).substitutes([&*substitute]))
                .tool(Tool::new(&*substitute));
            if let Some(template) = template.clone() {
                builder = builder.wording(template);
            }
            let tools = builder.build().unwrap();
            registry.get(&name).unwrap().force_open("maintenance");

            let note = tools.prompt_note("acme").unwrap();
            prop_assert!(is_one_plain_line(&note), "{:?}", note);
            prop_assert_eq!(
                skeleton(&note, &[&name, &substitute]),
                "Tools that are unavailable now: NAME (it has been taken out of service; use NAME). Do not call them. Plan without \
                 them, or tell the user what you cannot do."
            );

            let signal = tools.failed("acme", &name).unwrap();
            let message = signal.message();
            prop_assert!(is_one_plain_line(&message), "{:?}", message);
            let expected = match template {
                None => {
                    "The call of the tool NAME failed. Do not call it until you are told that it is back. Use NAME in its \
                     place, or tell the user what you cannot do."
                }
                Some(_) => "Without NAME: tool_call_failed. Use NAME.",
            };
            let without_hint = expected.replace(" Do not call it until you are told that it is back.", "");
            prop_assert_eq!(skeleton(&message, &[&name, &substitute]), without_hint);

            // The name itself is one string of the JSON.
            let json: Value = from_str(&serde_json::to_string(&signal).unwrap()).unwrap();
            prop_assert_eq!(json["tool_name"].as_str(), Some(&*name));
            prop_assert_eq!(json["alternatives"][0].as_str(), Some(&*substitute));
            prop_assert_eq!(json.as_object().unwrap().len(), 6);
        }
    }
}

#[test]
fn letters_that_run_from_right_to_left_do_not_reorder_the_note() {
    let registry = registry();
    let names = ["חיפוש", "بحث", "\u{202e}hcraes"];
    let mut builder = Tools::builder(&registry);
    for name in names {
        builder = builder.tool(Tool::new(name));
    }
    let tools = builder.build().unwrap();
    for name in names {
        registry.get(name).unwrap().force_open("maintenance");
    }
    let note = tools.prompt_note("acme").unwrap();
    assert!(is_one_plain_line(&note), "{note:?}");
    assert!(
        note.contains("\"_hcraes\" (it has been taken out of service)"),
        "{note}"
    );
}
