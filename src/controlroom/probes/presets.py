"""Known products: where each says how it is. What it says is read in `readings`; this table costs nothing.

| preset | source | verified |
| --- | --- | --- |
| somabrain | github.com/somatechlat/somabrain, see `somabrain` | by its text |
| spring | Spring Boot reference, Actuator, "Health" | real application, 3.3: UP, DOWN, OUT_OF_SERVICE |
| grafana | Grafana HTTP API, "Health API" | by its text |
| elasticsearch | Elasticsearch reference, "Cluster health API" | by its text |
| opensearch | OpenSearch documentation, "Cluster health" | by its text |
| vault | Vault HTTP API, "/sys/health" | by its text |
| keycloak | Keycloak guides, "Tracking instance status with health checks" | by its text |
| etcd | etcd documentation, "Monitoring etcd" | real server, 3.4, with and without a leader |
| consul | Consul HTTP API, "Status" | by its text |
| rabbitmq | RabbitMQ Management HTTP API, "/api/health/checks/alarms" | by its text |
| minio | MinIO documentation, "Healthcheck API" | by its text |
| nats | NATS documentation, "Monitoring", healthz | real server, 2.9 |
| kubernetes | Kubernetes reference, "Kubernetes API health endpoints" | by its text |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Preset(NamedTuple):
    """A product: its name on screen, and the path that is added to a url without one."""

    product: str
    path: str


PRESETS: Mapping[str, Preset] = {
    "somabrain": Preset("SomaBrain", "/health"),
    "spring": Preset("Spring Boot", "/actuator/health"),
    "grafana": Preset("Grafana", "/api/health"),
    "elasticsearch": Preset("Elasticsearch", "/_cluster/health"),
    "opensearch": Preset("OpenSearch", "/_cluster/health"),
    "vault": Preset("Vault", "/v1/sys/health"),
    "keycloak": Preset("Keycloak", "/health/ready"),
    "etcd": Preset("etcd", "/health"),
    "consul": Preset("Consul", "/v1/status/leader"),
    "rabbitmq": Preset("RabbitMQ", "/api/health/checks/alarms"),
    "minio": Preset("MinIO", "/minio/health/cluster"),
    "nats": Preset("NATS", "/healthz"),
    "kubernetes": Preset("Kubernetes", "/readyz?verbose"),
}
"""What `http.preset` may be; Spring Boot, Keycloak and NATS answer in the words every service uses."""
