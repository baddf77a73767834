//! Who a request is for.

use std::sync::Arc;

use tower_tenant_breaker::{
    FixedTenant, INLINE_TENANT_BYTES, MAX_TENANT_BYTES, MissingReason, MissingTenant, TaskTenant,
    Tenant, TenantExtractor, tenant_fn,
};

fn missing(reason: MissingReason) -> Result<Tenant<'static>, MissingTenant> {
    Err(reason.into())
}

struct Job {
    owner: String,
    note: Option<&'static str>,
}

// ===== Tenant =====

#[test]
fn a_tenant_is_the_same_however_it_is_held() {
    for id in ["a", "acme", "Zürich", &"x".repeat(64), &"x".repeat(65), ""] {
        let held = [
            Tenant::from(id),
            Tenant::from(id.to_owned()),
            Tenant::from(Arc::<str>::from(id)),
            Tenant::from(std::borrow::Cow::from(id)),
            Tenant::from(std::borrow::Cow::from(id.to_owned())),
            Tenant::from(id).into_owned(),
            Tenant::from(Arc::<str>::from(id)).into_owned(),
        ];
        for tenant in &held {
            assert_eq!(tenant.as_str(), id);
            assert_eq!(tenant, &held[0]);
            assert_eq!(tenant.to_string(), id);
        }
    }
    assert_ne!(Tenant::from("acme"), Tenant::from("Acme"));
}

#[test]
fn a_tenant_is_read_as_its_id() {
    let read = |tenant: &dyn AsRef<str>| tenant.as_ref().to_owned();
    assert_eq!(read(&Tenant::from("acme")), "acme");
    assert_eq!(read(&Tenant::from(String::from("globex"))), "globex");
}

#[test]
fn an_inline_tenant_holds_up_to_its_bound_and_no_more() {
    let longest = "ü".repeat(INLINE_TENANT_BYTES / 2);
    assert_eq!(Tenant::inline(&longest).unwrap().as_str(), longest);
    assert!(Tenant::inline(&format!("{longest}x")).is_none());
    assert!(Tenant::inline(&"x".repeat(300)).is_none());
}

#[test]
fn an_id_is_1_to_256_bytes_long() {
    let longest = "x".repeat(MAX_TENANT_BYTES);
    let too_long = "ü".repeat(MAX_TENANT_BYTES / 2 + 1);
    assert_eq!(Tenant::from("").checked(), missing(MissingReason::Empty));
    assert!(Tenant::from("x").checked().is_ok());
    assert!(Tenant::from(&longest).checked().is_ok());
    assert_eq!(
        Tenant::from(too_long).checked(),
        missing(MissingReason::TooLong)
    );
}

// ===== FixedTenant, tenant_fn =====

#[test]
fn a_fixed_tenant_is_every_requests_tenant() {
    let long = "x".repeat(200);
    for id in ["acme", &long] {
        let extractor = FixedTenant::new(id.to_owned());
        assert_eq!(extractor.extract(&1), Ok(id.into()));
        assert_eq!(extractor.clone().extract(&"other request"), Ok(id.into()));
    }
    let nobody = FixedTenant::new("");
    assert_eq!(nobody.extract(&()), missing(MissingReason::Empty));
    let too_long = FixedTenant::new("x".repeat(257));
    assert_eq!(too_long.extract(&()), missing(MissingReason::TooLong));
}

#[test]
fn a_closure_borrows_the_tenant_from_the_request_or_makes_it() {
    let job = Job {
        owner: "acme".into(),
        note: None,
    };

    let borrowed = tenant_fn(|job: &Job| Ok(Tenant::from(&job.owner)));
    assert_eq!(borrowed.extract(&job), Ok("acme".into()));

    let made = tenant_fn(|job: &Job| Ok(format!("{}/eu", job.owner).into()));
    assert_eq!(made.extract(&job), Ok("acme/eu".into()));

    let from_a_literal = tenant_fn(|job: &Job| match job.note {
        Some(note) => Ok(note.into()),
        None => Err(MissingReason::Absent.into()),
    });
    assert_eq!(from_a_literal.extract(&job), missing(MissingReason::Absent));

    let suffix = String::from("/us");
    let capturing = tenant_fn(move |job: &Job| Ok((job.owner.clone() + &suffix).into()));
    assert_eq!(capturing.clone().extract(&job), Ok("acme/us".into()));
    assert_eq!(format!("{capturing:?}"), "TenantFn { .. }");
}

#[test]
fn a_plain_function_is_an_extractor_too() {
    fn owner(job: &Job) -> Result<Tenant<'_>, MissingTenant> {
        Ok(job.owner.as_str().into())
    }
    let job = Job {
        owner: "acme".into(),
        note: None,
    };
    assert_eq!(tenant_fn(owner).extract(&job), Ok("acme".into()));
}

// ===== TaskTenant =====

#[tokio::test]
async fn a_task_has_the_tenant_of_the_innermost_scope_across_awaits() {
    assert_eq!(TaskTenant.extract(&()), missing(MissingReason::Absent));
    TaskTenant::scope("outer", async {
        tokio::task::yield_now().await;
        assert_eq!(TaskTenant.extract(&()), Ok("outer".into()));
        TaskTenant::scope(String::from("inner"), async {
            tokio::task::yield_now().await;
            assert_eq!(TaskTenant.extract(&()), Ok("inner".into()));
        })
        .await;
        assert_eq!(TaskTenant.extract(&()), Ok("outer".into()));
    })
    .await;
    assert_eq!(TaskTenant::current(), None);
}

#[tokio::test]
async fn two_tasks_on_one_thread_do_not_see_each_others_tenant() {
    let seen_by = |id: &'static str| {
        TaskTenant::scope(id, async {
            let mut seen = Vec::new();
            for _ in 0..3 {
                seen.push(TaskTenant::current().unwrap().to_string());
                tokio::task::yield_now().await;
            }
            seen
        })
    };
    let (acme, globex) = tokio::join!(seen_by("acme"), seen_by("globex"));
    assert_eq!(acme, ["acme"; 3]);
    assert_eq!(globex, ["globex"; 3]);
}

#[tokio::test]
async fn a_spawned_task_has_no_tenant_unless_it_is_taken_along() {
    TaskTenant::scope("acme", async {
        let left_behind = tokio::spawn(async { TaskTenant::current() });
        assert_eq!(left_behind.await.unwrap(), None);

        let tenant = TaskTenant::current().unwrap();
        let taken_along = tokio::spawn(TaskTenant::scope(tenant, async { TaskTenant::current() }));
        assert_eq!(taken_along.await.unwrap(), Some("acme".into()));
    })
    .await;
}

#[tokio::test]
async fn a_task_with_an_id_that_is_none_has_no_tenant() {
    TaskTenant::scope("", async {
        assert_eq!(TaskTenant.extract(&()), missing(MissingReason::Empty));
    })
    .await;
    TaskTenant::scope("x".repeat(257), async {
        assert_eq!(TaskTenant.extract(&()), missing(MissingReason::TooLong));
    })
    .await;
}

#[test]
fn extractors_and_scopes_can_go_anywhere() {
    fn anywhere<T: Clone + Send + Sync + 'static>(_: &T) {}
    anywhere(&FixedTenant::new("acme"));
    anywhere(&TaskTenant);
    anywhere(&tenant_fn(|job: &Job| Ok(Tenant::from(&job.owner))));
    let chosen: Arc<dyn TenantExtractor<Job> + Send + Sync> = Arc::new(TaskTenant);
    anywhere(&chosen);

    fn sendable<T: Send + std::fmt::Debug>(_: &T) {}
    sendable(&TaskTenant::scope("acme", async {}));
}
