"""Endpoints of well-known products at which one request destroys much: a table, matched on paths in lower case."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is the end of a path, below whatever prefix a gateway gave it; the whole of it where it `stands_alone`.

    `where` names what the request has to carry beside, in its query or its body: `recurse` (a yes), `filter*` (any
    value), `op=delete|drop` (one of these), `?delete|acl` (a name in the query).
    """

    product: str
    methods: str
    path: str
    does: str
    where: str = ""
    stands_alone: bool = False

    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"{self.path}/?" if self.stands_alone else rf"(?:/.*)?{self.path}/?")


_ANY = "get post put delete patch"
_WRITE = "post put delete patch"
_X = r"/[^/]+"

ENDPOINTS = (
    # Search engines and vector stores
    Endpoint("Elasticsearch", "delete", r"/(?:_all|[^/]*[*,][^/]*)", "deletes every index of a pattern"),
    Endpoint("Elasticsearch", "delete", rf"/_data_stream{_X}", "deletes a data stream"),
    Endpoint("Elasticsearch", "delete", rf"/_snapshot{_X}(?:{_X})?", "deletes snapshots"),
    Endpoint(
        "Elasticsearch", "delete", rf"/_(?:index_template|component_template|template){_X}", "deletes templates"
    ),
    Endpoint("Elasticsearch", "delete", rf"/_(?:ilm/policy|slm/policy|ingest/pipeline){_X}", "deletes a policy"),
    Endpoint("Elasticsearch", "post put", rf"{_X}/_(?:close|shrink)", "closes an index"),
    Endpoint("Elasticsearch", _WRITE, r"/_aliases", "deletes an index", "remove_index"),
    Endpoint("Elasticsearch", "put", r"/_cluster/settings", "changes the settings of the cluster"),
    Endpoint("Elasticsearch", "post", r"(?:/_cluster/nodes/.*|/_nodes)?/_shutdown", "stops nodes"),
    Endpoint(
        "Solr", _ANY, r"/solr/admin/(?:cores|collections)", "deletes a core or a collection", "action=unload|delete"
    ),
    Endpoint("Solr", "post", rf"/solr{_X}/update(?:/json)?", "deletes documents by a query", "delete"),
    Endpoint("Qdrant", "post", rf"/collections{_X}/points/delete", "deletes points by a filter", "filter*"),
    Endpoint("Pinecone", "post", r"/vectors/delete", "deletes all vectors", "deleteAll"),
    Endpoint("Meilisearch", "delete", rf"/indexes{_X}/documents", "deletes every document"),
    # Databases behind HTTP
    Endpoint("CouchDB", "post", rf"{_X}/_purge", "purges documents"),
    Endpoint("CouchDB", "post", rf"{_X}/_bulk_docs", "deletes documents in bulk", "_deleted"),
    Endpoint("CouchDB", "put delete", rf"/_node{_X}/_config/.*", "changes the configuration of a node"),
    Endpoint(
        "ArangoDB", "delete", rf"/_api/(?:database|collection|view|graph){_X}", "drops a database or a collection"
    ),
    Endpoint("ArangoDB", "put", rf"/_api/collection{_X}/truncate", "empties a collection"),
    Endpoint("MongoDB Data API", "post", r"/action/deletemany", "deletes many documents"),
    Endpoint("InfluxDB", "post", r"/api/v2/delete", "deletes a range of points"),
    Endpoint(
        "Redis", _ANY, r"/(?:flushall|flushdb|shutdown)(?:/.*)?", "empties or stops the server", stands_alone=True
    ),
    Endpoint("Weaviate", "delete", r"/v1/(?:schema/[^/]+|batch/objects)", "deletes a class or a batch"),
    Endpoint("Neo4j", "delete", rf"/db{_X}", "drops a database"),
    # Configuration and secrets
    Endpoint("Consul", "delete", r"/v1/kv(?:/.*)?", "deletes a whole tree of keys", "recurse"),
    Endpoint("Consul", "delete", r"/v1/kv", "deletes a whole tree of keys"),
    Endpoint("Consul", "put", rf"/v1/agent/(?:leave|force-leave{_X}|maintenance)", "takes a node out"),
    Endpoint("Consul", "put", rf"/v1/(?:agent/service/deregister{_X}|catalog/deregister)", "takes a service out"),
    Endpoint("etcd", "post", r"/v3(?:alpha|beta)?/kv/deleterange", "deletes a range of keys"),
    Endpoint("etcd", "delete", r"/v2/keys(?:/.*)?", "deletes a whole tree of keys", "recursive"),
    Endpoint(
        "Vault",
        "post put",
        r"/v1/sys/(?:seal|step-down|rekey/.*|rotate|storage/raft/.*)",
        "seals or changes the vault",
    ),
    Endpoint(
        "Vault", "delete", r"/v1/sys/(?:mounts|auth|policy|policies|namespaces|audit)/.*", "takes away a part of it"
    ),
    Endpoint("Vault", "post put", r"/v1/sys/leases/revoke-(?:prefix|force)/.*", "revokes all leases below a prefix"),
    Endpoint("Vault", "post put", r"/v1/[^/]+/destroy/.*", "destroys versions of a secret"),
    Endpoint("Vault", "delete", r"/v1/[^/]+/metadata/.*", "destroys a secret with all its versions"),
    # Containers and their images
    Endpoint(
        "Docker", "post", r"/(?:containers|images|volumes|networks|build|system)/prune", "removes all that is unused"
    ),
    Endpoint(
        "Docker", "delete", rf"/(?:volumes|swarm|services|secrets|configs|nodes){_X}", "removes what others use"
    ),
    Endpoint("Docker", "post", r"/swarm/leave", "takes a node out of the swarm"),
    Endpoint("A registry", "delete", r"/v2/.+/(?:manifests|blobs)/[^/]+", "deletes an image"),
    Endpoint("Harbor", "delete", rf"/api/v2\.0/projects{_X}(?:/repositories/.*)?", "deletes images"),
    Endpoint("Nomad", "delete", r"/v1/job/.*", "purges a job", "purge"),
    # Buckets
    Endpoint("S3", "post", r"(?:/[^/]*)?", "deletes many objects", "?delete", stands_alone=True),
    Endpoint(
        "S3",
        "delete",
        r"/[^/]*",
        "takes a configuration off a bucket",
        "?lifecycle|policy|replication|encryption",
        stands_alone=True,
    ),
    Endpoint("Google Cloud Storage", "delete", rf"/storage/v1/b{_X}", "deletes a bucket"),
    Endpoint(
        "Azure Storage", "delete", r"/[^/]+", "deletes a container", "restype=container|share", stands_alone=True
    ),
    Endpoint(
        "MinIO", _ANY, r"/minio/admin/v\d/(?:service|remove-.*|force-unlock)", "stops it, or takes a part of it away"
    ),
    Endpoint("HDFS", "delete", r"/webhdfs/v1/.*", "removes a folder with all below it", "recursive"),
    # Monitoring
    Endpoint("Prometheus", _ANY, r"/api/v1/admin/tsdb/(?:delete_series|clean_tombstones)", "deletes series"),
    Endpoint("Prometheus", "post put", r"/-/quit", "stops the server"),
    Endpoint("Loki", "post put", r"/loki/api/v1/delete", "deletes log lines"),
    Endpoint(
        "Grafana", "delete", r"/api/(?:orgs|datasources|folders)/(?:uid/|name/|id/)?[^/]+", "deletes what others use"
    ),
    Endpoint("Druid", "delete", rf"/druid/coordinator/v1/datasources{_X}(?:/.*)?", "drops a data source"),
    # Messages
    Endpoint(
        "RabbitMQ", "delete", r"/api/(?:queues|exchanges|vhosts|users|bindings)/.+", "deletes a part of the broker"
    ),
    Endpoint(
        "Kafka",
        "delete",
        r"/(?:topics|consumer-groups|connectors)/(?![0-9]+/?$)[^/]+",
        "deletes a topic or a connector",
    ),
    # Servers' own switches
    Endpoint(
        "Spring", "post", r"/(?:actuator|manage)/(?:shutdown|restart|pause|env)", "stops or changes the application"
    ),
    Endpoint("Spring", "post", r"/shutdown", "stops the application", stands_alone=True),
    Endpoint("Envoy", "post", r"/(?:quitquitquit|drain_listeners|healthcheck/fail)", "takes the proxy out"),
    Endpoint("Patroni", "post delete", r"/(?:failover|switchover|reinitialize)", "changes who leads the cluster"),
    Endpoint("Jenkins", "post", r"/(?:dodelete|safeexit|saferestart|quietdown)", "deletes a job or stops the server"),
    Endpoint("Jenkins", "post", r"/script(?:text)?", "runs code on the server"),
    Endpoint("Keycloak", "delete", rf"/admin/realms{_X}", "deletes a realm"),
    Endpoint(
        "GitHub",
        "delete",
        rf"/repos{_X}{_X}(?:/git/refs/heads/(?:main|master))?",
        "deletes a repository or its branch",
    ),
    Endpoint("GitLab", "delete", rf"/api/v4/(?:projects|groups){_X}", "deletes a project with all its history"),
    Endpoint("Terraform", "post", r"/api/v2/runs", "destroys what a workspace made", "is-destroy"),
    Endpoint("Azure", "delete", rf"/subscriptions{_X}/resourcegroups{_X}", "deletes a resource group"),
)

# Things that hold many others: taking one away is taking them all.
STORES = frozenset(
    {
        *(
            "databases",
            "database",
            "dbs",
            "schemas",
            "schema",
            "tables",
            "collections",
            "keyspaces",
            "indexes",
            "indices",
        ),
        *("buckets", "volumes", "vhosts", "realms", "tenants", "organizations", "organisations", "orgs"),
        *(
            "workspaces",
            "projects",
            "clusters",
            "instances",
            "zones",
            "hosted-zones",
            "backups",
            "snapshots",
            "repos",
        ),
        *("repositories", "namespaces", "datasets", "warehouses", "environments", "disks", "vpcs"),
    }
)

# Actions of AWS's query and JSON protocols: `Action=…`, and `X-Amz-Target: Service.…`.
AWS_ACTION = re.compile(
    r"""
      (?:Delete|Destroy|Purge|Empty)(?:DB|Table|Bucket|Stack|Cluster|Queue|Topic|Stream|Database|Volume|Snapshot|Backup
        |HostedZone|LogGroup|Repository|FileSystem|LoadBalancer|Function|Role|User|Policy|Vpc|Key|Secret|Domain|Vault
        |CacheCluster|ReplicationGroup|GlobalTable|Application|Environment|Account|Organization|Trail|Alarms).*
    | (?:Terminate|Stop|Reboot)Instances | PurgeQueue | ScheduleKeyDeletion | DisableKey | DeregisterImage
    | BatchDelete.* | StopLogging | LeaveOrganization | CloseAccount
    """,
    re.VERBOSE,
)
