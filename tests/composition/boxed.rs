//! `BoxCloneService` and `BoxCloneSyncService`: neither side notices them. That the types fit is in
//! `static_properties.rs`. A `BoxService` is no `Clone`, and goes behind a `Buffer`.

use static_assertions::assert_not_impl_any;
use tower::util::{BoxCloneService, BoxCloneSyncService, BoxService};
use tower::{BoxError, Layer, ServiceExt};

use crate::job::Job;
use crate::layer;

assert_not_impl_any!(BoxService<Job, String, BoxError>: Clone);

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| layer(printer).layer(BoxCloneService::new(inner.map_err(BoxError::from)))
    }
}

mod outside {
    use super::*;

    promises! { all: |printer, inner| BoxCloneService::new(layer(printer).layer(inner)) }
}

mod inside_sync {
    use super::*;

    promises! {
        all: |printer, inner| layer(printer).layer(BoxCloneSyncService::new(inner.map_err(BoxError::from)))
    }
}

mod outside_sync {
    use super::*;

    promises! { all: |printer, inner| BoxCloneSyncService::new(layer(printer).layer(inner)) }
}
