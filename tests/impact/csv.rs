use tower_tenant_breaker::Turn;

use super::*;

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut written = Vec::new();
    write(&mut written).unwrap();
    String::from_utf8(written).unwrap()
}

fn csv(registry: &CircuitBreakerRegistry) -> String {
    text(|file| registry.impact().to_csv(file))
}

fn tenants(registry: &CircuitBreakerRegistry) -> String {
    text(|file| registry.impact().tenants_to_csv(file))
}

fn hours(registry: &CircuitBreakerRegistry) -> String {
    text(|file| registry.impact().hours_to_csv(file))
}

/// The field in which the id of this tenant stands.
fn field(tenant: &str) -> String {
    let (registry, search) = search();
    fail(&search, tenant, 1);
    let csv = csv(&registry);
    let (_, line) = csv.split_once("\r\n").unwrap();
    let line = line.strip_prefix("2026-03-05T12:00:00Z,").unwrap();
    let field = line.strip_suffix(",search,1,1,0,0,0,0,false\r\n");
    field.unwrap().to_owned()
}

const HEAD: &str = "hour_start,tenant,dependency,calls,failed,slow,rejected,fallback_served,turns,\
                    turns_at_least\r\n";
const TENANTS_HEAD: &str = "hour_start,tenant,calls,failed,slow,rejected,fallback_served,turns,\
                            turns_at_least\r\n";
const HOURS_HEAD: &str = "hour_start,rows,unlisted,dropped\r\n";

#[tokio::test(start_paused = true)]
async fn an_empty_report_has_its_head() {
    let (registry, _search) = search();
    assert_eq!(csv(&registry), HEAD);
    assert_eq!(tenants(&registry), TENANTS_HEAD);
    assert_eq!(hours(&registry), HOURS_HEAD);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_a_line() {
    let (registry, search) = search();
    succeed(&search, "acme", 2);
    fail(&search, "acme", 1);
    pass(HOUR).await;
    search.force_open("maintenance");
    reject(&search, "acme", 5);
    let lines = [
        HEAD,
        "2026-03-05T12:00:00Z,acme,search,3,1,0,0,0,0,false\r\n",
        "2026-03-05T13:00:00Z,acme,search,0,0,0,5,0,0,false\r\n",
    ];
    assert_eq!(csv(&registry), lines.concat());
}

#[tokio::test(start_paused = true)]
async fn a_row_without_a_tenant_has_an_empty_field() {
    let (registry, search) = search();
    let shared = search.acquire_shared(tower_tenant_breaker::Probing::Yes);
    shared.unwrap().record(Outcome::failure());
    assert!(csv(&registry).ends_with("Z,,search,1,1,0,0,0,0,false\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_s_hour_is_a_line_over_all_dependencies() {
    let registry = registry(impact());
    let [search, mail] = ["search", "mail"].map(|name| declare(&registry, name, patient()));
    let turn = Turn::scope("17", async {
        fail(&search, "acme", 1);
        fail(&mail, "acme", 2);
    });
    turn.await;
    fail(&mail, "=globex,inc", 1);
    pass(HOUR).await;
    search.force_open("maintenance");
    reject(&search, "acme", 5);
    let shared = mail.acquire_shared(tower_tenant_breaker::Probing::Yes);
    shared.unwrap().record(Outcome::failure());
    let lines = [
        TENANTS_HEAD,
        "2026-03-05T12:00:00Z,\"'=globex,inc\",1,1,0,0,0,0,false\r\n",
        "2026-03-05T12:00:00Z,acme,3,3,0,0,0,1,false\r\n",
        "2026-03-05T13:00:00Z,,1,1,0,0,0,0,false\r\n",
        "2026-03-05T13:00:00Z,acme,0,0,0,5,0,0,false\r\n",
    ];
    assert_eq!(tenants(&registry), lines.concat());
}

#[tokio::test(start_paused = true)]
async fn an_hour_is_a_line_that_says_what_is_in_no_row() {
    let registry = registry(impact().max_rows(2));
    let search = declare(&registry, "search", patient());
    for tenant in ["acme", "globex", "initech"] {
        succeed(&search, tenant, 1);
        fail(&search, tenant, 5);
    }
    pass(HOUR).await;
    fail(&search, "acme", 1);
    // Two of three rows are there, and no line says so.
    assert_eq!(csv(&registry).lines().count(), 1 + 2);
    let lines = [
        HOURS_HEAD,
        "2026-03-05T12:00:00Z,1,5,1\r\n",
        "2026-03-05T13:00:00Z,1,0,0\r\n",
    ];
    assert_eq!(hours(&registry), lines.concat());
}

#[tokio::test(start_paused = true)]
async fn what_would_end_a_field_or_a_line_is_quoted() {
    assert_eq!(field("a,b"), "\"a,b\"");
    assert_eq!(field("a\"b"), "\"a\"\"b\"");
    assert_eq!(field("a\nb"), "\"a\nb\"");
    assert_eq!(field("a\rb"), "\"a\rb\"");
    assert_eq!(field("a b'c"), "a b'c");
    // Where the comma is what decimals have, files are read as if these stood between fields.
    assert_eq!(field("a;b"), "\"a;b\"");
    assert_eq!(field("a\tb"), "\"a\tb\"");
}

#[tokio::test(start_paused = true)]
async fn what_a_spreadsheet_would_run_is_text() {
    for id in ["=1+1", "+1", "-1", "@a", "＝1", "'=1"] {
        assert_eq!(field(id), format!("'{id}"));
    }
    assert_eq!(
        field("=HYPERLINK(\"http://evil\",\"a\")"),
        "\"'=HYPERLINK(\"\"http://evil\"\",\"\"a\"\")\""
    );
    assert_eq!(field("a=1"), "a=1");
}

#[tokio::test(start_paused = true)]
async fn a_formula_is_one_behind_what_a_spreadsheet_skips_too() {
    for skipped in [
        " ",
        "  ",
        "\u{a0}",
        "\u{3000}",
        "\u{feff}",
        "\u{200b}",
        "\u{0}",
        "\u{b}",
        "\u{0} \u{7f}",
    ] {
        for begin in ["=1+1", "@a", "－1"] {
            let id = format!("{skipped}{begin}");
            assert_eq!(field(&id), format!("'{id}"), "{id:?}");
        }
        let id = format!("{skipped}a=1");
        assert_eq!(field(&id), id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_formula_that_would_begin_another_field_or_line_is_text() {
    for (id, written) in [
        ("x;=1+1", "\"x;'=1+1\""),
        ("x; =1+1", "\"x;' =1+1\""),
        ("x\t=1+1", "\"x\t'=1+1\""),
        ("x\r=1+1", "\"x\r'=1+1\""),
        ("x\n\u{0}@a;-1", "\"x\n'\u{0}@a;'-1\""),
        ("x;'y", "\"x;''y\""),
        ("\ta", "\"'\ta\""),
        ("\r=1", "\"'\r'=1\""),
        ("x;y=1", "\"x;y=1\""),
    ] {
        assert_eq!(field(id), written);
    }
}

/// What was in the field before it was written, as the documentation says.
fn had_back(field: &str) -> String {
    let quoted = field
        .strip_prefix('"')
        .and_then(|field| field.strip_suffix('"'));
    let text = quoted.map_or(field.to_owned(), |text| text.replace("\"\"", "\""));
    let parts = text.split_inclusive([';', '\t', '\r', '\n']);
    parts
        .map(|part| part.strip_prefix('\'').unwrap_or(part))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_id_can_be_had_back_whatever_it_is() {
    // Every text of three characters, each of which means something.
    const CHARS: [char; 7] = ['a', '=', '\'', ';', '\t', ' ', '"'];
    let (registry, search) = search();
    search.force_open("maintenance");
    let mut ids = vec![String::new()];
    for _ in 0..3 {
        let longer = |id: &String| CHARS.map(|char| format!("{id}{char}"));
        ids = ids.iter().flat_map(longer).collect();
    }
    for id in &ids {
        reject(&search, id, 1);
    }
    let csv = csv(&registry);
    let lines = csv.strip_prefix(HEAD).unwrap().split_terminator("\r\n");
    let read: std::collections::BTreeSet<_> = lines
        .map(|line| {
            let line = line.strip_prefix("2026-03-05T12:00:00Z,").unwrap();
            had_back(line.strip_suffix(",search,0,0,0,1,0,0,false").unwrap())
        })
        .collect();
    assert_eq!(read, ids.into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_a_request_named_is_a_text_too() {
    let registry = registry(impact());
    let search = declare(&registry, "=a,b", patient());
    fail(&search, "acme", 1);
    assert!(csv(&registry).contains(",acme,\"'=a,b\",1,"));
}

#[tokio::test(start_paused = true)]
async fn what_the_writer_says_is_told() {
    let (registry, _search) = search();
    let (report, mut full) = (registry.impact(), [0_u8; 4]);
    for told in [
        report.to_csv(&mut full[..]),
        report.tenants_to_csv(&mut full[..]),
        report.hours_to_csv(&mut full[..]),
    ] {
        assert_eq!(told.unwrap_err().kind(), std::io::ErrorKind::WriteZero);
    }
}
