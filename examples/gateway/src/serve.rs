//! What a person with curl can try on the isolated gateway.

use crate::gateways::Gateway;
use crate::upstream::Upstream;

/// Commands to paste.
pub(crate) fn commands(gateway: &Gateway, upstream: &Upstream) -> String {
    let (gateway, upstream) = (gateway.address, upstream.address);
    format!(
        "
The isolated gateway and the upstream stay up until Ctrl-C. Try, in another terminal:

  call as acme:                     curl -i -H 'x-tenant-id: acme' http://{gateway}/search
  make the upstream fail for acme:  curl -X PUT http://{upstream}/health/acme/failing
  ... hang, or be well again:       curl -X PUT http://{upstream}/health/acme/hanging
                                    curl -X PUT http://{upstream}/health/acme/healthy
  see acme's circuit:               curl http://{gateway}/circuits/acme

Five failures in a row open it; the next call is then answered by the gateway itself. It stays open
for about a second at most, so call in a loop to watch it, and as another tenant beside it:

  while sleep 0.1; do curl -s -o /dev/null -w '%{{http_code}} ' -H 'x-tenant-id: acme' \\
    http://{gateway}/search; done
"
    )
}
