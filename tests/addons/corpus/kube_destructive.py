"""Requests to the Kubernetes API that have to be refused, each with the rule that refuses it.

A request is its first line, header fields if there are any, and behind a blank line the body. `unparsable` are those
that no rule has to look at.
"""

# ruff: noqa: E501 - the lines are as they are sent

MERGE = "Content-Type: application/merge-patch+json"
APPLY = "Content-Type: application/apply-patch+yaml"
YAML = "Content-Type: application/yaml"

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
PODS = "/api/v1/namespaces/shop/pods"
RBAC = "/apis/rbac.authorization.k8s.io/v1"

DELETING = [
    ("kube_namespaces", "DELETE /api/v1/namespaces/shop"),
    ("kube_namespaces", "DELETE /api/v1/namespaces/shop/"),
    ("kube_namespaces", "DELETE /api/v1/namespaces/%73hop"),
    ("kube_namespaces", "DELETE /api/v1/n%61mespaces/shop"),
    (
        "kube_namespaces",
        'DELETE /api/v1/namespaces/shop\n\n{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}',
    ),
    # The body decides about a DELETE's dry run, and the query does not.
    ("kube_namespaces", "DELETE /api/v1/namespaces/shop?dryRun=All\n\n{}"),
    ("kube_namespaces", 'DELETE /api/v1/namespaces/shop?dryRun=All\n\n{"dryRun":[]}'),
    ("kube_namespaces", 'DELETE /api/v1/namespaces/shop?dryRun=All\n\n{"gracePeriodSeconds":0}'),
    ("kube_namespaces", "DELETE /api/v1/namespaces/shop?dryrun=All"),
    ("kube_namespaces", "DELETE /api/v1/namespaces/shop?dry_run=All"),
    ("kube_namespaces", 'DELETE /api/v1/namespaces/shop\n\n{"dryrun":["All"]}'),
    ("kube_namespaces", 'DELETE /api/v1/namespaces/shop\n\n{"DryRun":["All"]}'),
    (
        "kube_namespaces",
        'PUT /api/v1/namespaces/shop/finalize\n\n{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop"},"spec":{"finalizers":[]}}',
    ),
    ("kube_mass_delete", "DELETE /api/v1/namespaces"),
    ("kube_mass_delete", f"DELETE {PODS}"),
    ("kube_mass_delete", f"DELETE {PODS}?labelSelector=app%3Dweb"),
    ("kube_mass_delete", f"DELETE {PODS}?fieldSelector=metadata.name%3Dweb"),
    ("kube_mass_delete", "DELETE /api/v1/pods"),
    ("kube_mass_delete", f"DELETE {DEPLOYMENTS}"),
    ("kube_mass_delete", "DELETE /apis/stable.example.com/v1/namespaces/shop/crontabs"),
    ("kube_mass_delete", f"GET {PODS}?limit=500\nKubectl-Command: kubectl delete"),
    ("kube_crds", "DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/crontabs.stable.example.com"),
    ("kube_crds", "DELETE /apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions/crontabs.stable.example.com"),
    ("kube_nodes", "DELETE /api/v1/nodes/worker-1"),
    ("kube_nodes", 'PATCH /api/v1/nodes/worker-1\n\n{"spec":{"unschedulable":true}}'),
    ("kube_nodes", 'PATCH /api/v1/nodes/worker-1\n\n[{"op":"add","path":"/spec/unschedulable","value":true}]'),
    (
        "kube_nodes",
        'PATCH /api/v1/nodes/worker-1\n\n[{"op":"add","path":"/spec/taints/-","value":{"key":"a","effect":"NoExecute"}}]',
    ),
    ("kube_nodes", f"PATCH /api/v1/nodes/worker-1?fieldManager=x\n{APPLY}\n\nspec:\n  unschedulable: yes\n"),
    ("kube_storage", "DELETE /api/v1/persistentvolumes/pv-1"),
    ("kube_storage", "DELETE /api/v1/namespaces/shop/persistentvolumeclaims/data-db-0"),
    ("kube_storage", "DELETE /apis/snapshot.storage.k8s.io/v1/namespaces/shop/volumesnapshots/nightly"),
    ("kube_storage", 'PATCH /api/v1/persistentvolumes/pv-1\n\n{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'),
    ("kube_system", "DELETE /apis/apps/v1/namespaces/kube-system/deployments/coredns"),
    (
        "kube_system",
        'POST /api/v1/namespaces/kube-system/pods/etcd-0/eviction\n\n{"kind":"Eviction","metadata":{"name":"etcd-0"}}',
    ),
]

FINALIZERS = [
    ("kube_finalizers", f'PATCH {PODS}/web\n\n[{{"op":"remove","path":"/metadata/finalizers"}}]'),
    ("kube_finalizers", f'PATCH {PODS}/web\n\n[{{"op":"remove","path":"/metadata/finalizers/0"}}]'),
    ("kube_finalizers", f'PATCH {PODS}/web\n\n[{{"op":"replace","path":"/metadata/finalizers","value":[]}}]'),
    ("kube_finalizers", f'PATCH {PODS}/web\n\n[{{"op":"add","path":"/metadata/finalizers","value":null}}]'),
    (
        "kube_finalizers",
        f'PATCH {PODS}/web\n\n[{{"op":"move","from":"/metadata/finalizers","path":"/metadata/annotations/x"}}]',
    ),
    (
        "kube_finalizers",
        f'PATCH {PODS}/web\n\n[{{"op":"copy","from":"/spec/tolerations","path":"/metadata/finalizers"}}]',
    ),
    ("kube_finalizers", f'PATCH {PODS}/web\n{MERGE}\n\n{{"metadata":{{"finalizers":null}}}}'),
    ("kube_finalizers", f'PATCH {PODS}/web\n{MERGE}\n\n{{"metadata":{{"finalizers":[]}}}}'),
    ("kube_finalizers", f'PATCH {PODS}/web\n{MERGE}\n\n{{"metadata":{{"f\\u0069nalizers":null}}}}'),
    ("kube_finalizers", f'PATCH {PODS}/web\n\n{{"metadata":{{"$deleteFromPrimitiveList/finalizers":["a/b"]}}}}'),
    ("kube_finalizers", f'PATCH {PODS}/web\n\n{{"metadata":{{"$patch":"replace","name":"web"}}}}'),
    (
        "kube_finalizers",
        'PUT /api/v1/namespaces/shop/persistentvolumeclaims/data\n\n{"kind":"PersistentVolumeClaim","metadata":{"name":"data"}}',
    ),
    (
        "kube_finalizers",
        'PUT /apis/x.example.com/v1/namespaces/shop/things/a\n\n{"kind":"Thing","metadata":{"name":"a","deletionTimestamp":"2030-01-01T00:00:00Z"}}',
    ),
]

_POD = '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i"%s}]%s}}'
_TEMPLATE = '{"spec":{"template":{"spec":%s}}}'

PODS_THAT_ESCAPE = [
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % (',"securityContext":{"privileged":true}', "")),
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % (',"securityContext":{"priv\\u0069leged":true}', "")),
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % ("", ',"hostPID":true')),
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % ("", ',"hostNetwork":true')),
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % ("", ',"volumes":[{"name":"r","hostPath":{"path":"/"}}]')),
    (
        "kube_privileged",
        f"POST {PODS}\n\n" + _POD % (',"securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}', ""),
    ),
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % (',"securityContext":{"capabilities":{"add":["cap_all"]}}', "")),
    ("kube_privileged", f"POST {PODS}\n\n" + _POD % (',"securityContext":{"procMount":"Unmasked"}', "")),
    (
        "kube_privileged",
        f"POST {PODS}\n\n" + _POD % (',"securityContext":{"windowsOptions":{"hostProcess":true}}', ""),
    ),
    (
        "kube_privileged",
        f"POST {PODS}\n\n" + _POD % ("", ',"initContainers":[{"name":"i","securityContext":{"privileged":true}}]'),
    ),
    (
        "kube_privileged",
        f"POST {PODS}\n{YAML}\n\nkind: Pod\nspec:\n  containers:\n  - name: c\n    securityContext: &s\n      privileged: on\n  - name: d\n    securityContext: *s\n",
    ),
    (
        "kube_privileged",
        f"PATCH {DEPLOYMENTS}/web?fieldManager=kubectl\n{APPLY}\n\n" + _TEMPLATE % '{"hostIPC":true}',
    ),
    (
        "kube_privileged",
        f"PATCH {DEPLOYMENTS}/web\n\n"
        + _TEMPLATE % '{"containers":[{"name":"c","securityContext":{"privileged":true}}]}',
    ),
    (
        "kube_privileged",
        f'PATCH {DEPLOYMENTS}/web\n\n[{{"op":"add","path":"/spec/template/spec/containers/0/securityContext/privileged","value":true}}]',
    ),
    (
        "kube_privileged",
        f'PATCH {DEPLOYMENTS}/web\n\n[{{"op":"add","path":"/spec/template/spec/volumes","value":[{{"name":"r","hostPath":{{"path":"/"}}}}]}}]',
    ),
    (
        "kube_privileged",
        f'PATCH {DEPLOYMENTS}/web\n\n[{{"op":"copy","from":"/metadata/annotations/pod","path":"/spec/template/spec"}}]',
    ),
    (
        "kube_privileged",
        f'PATCH {DEPLOYMENTS}/web\n\n[{{"op":"copy","from":"/spec/paused","path":"/spec/template/spec/hostNetwork"}}]',
    ),
    (
        "kube_privileged",
        "POST /apis/batch/v1/namespaces/shop/cronjobs\n\n"
        + '{"kind":"CronJob","spec":{"jobTemplate":{"spec":{"template":{"spec":{"hostPID":true,"containers":[]}}}}}}',
    ),
    (
        "kube_privileged",
        'POST /apis/argoproj.io/v1alpha1/namespaces/shop/workflows\n\n{"kind":"Workflow","spec":{"templates":[{"container":{"securityContext":{"privileged":true}}}]}}',
    ),
    (
        "kube_privileged",
        f'POST {PODS}\n\n{{"kind":"List","apiVersion":"v1","items":[' + _POD % ("", ',"hostPID":true') + "]}",
    ),
    (
        "kube_privileged",
        'POST /api/v1/persistentvolumes\n\n{"kind":"PersistentVolume","metadata":{"name":"root"},"spec":{"hostPath":{"path":"/"}}}',
    ),
    (
        "kube_privileged",
        f"POST {PODS}?dryrun=All\n\n" + _POD % ("", ',"hostPID":true'),
    ),
    (
        "kube_pod_security",
        'PATCH /api/v1/namespaces/shop\n\n{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}',
    ),
    (
        "kube_pod_security",
        f'PATCH /api/v1/namespaces/shop\n{MERGE}\n\n{{"metadata":{{"labels":{{"pod-security.kubernetes.io/enforce":null}}}}}}',
    ),
    (
        "kube_pod_security",
        'PATCH /api/v1/namespaces/shop\n\n[{"op":"remove","path":"/metadata/labels/pod-security.kubernetes.io~1enforce"}]',
    ),
    (
        "kube_ephemeral",
        f'PATCH {PODS}/web/ephemeralcontainers\n\n{{"spec":{{"ephemeralContainers":[{{"name":"debug","image":"busybox"}}]}}}}',
    ),
    ("kube_exec_system", "POST /api/v1/namespaces/kube-system/pods/etcd-0/exec?command=sh&stdin=true&tty=true"),
    ("kube_exec_system", "GET /api/v1/namespaces/kube-system/pods/etcd-0/exec?command=ls"),
    ("kube_exec_system", "POST /api/v1/namespaces/kube-system/pods/etcd-0/portforward"),
    ("kube_exec_system", "POST /api/v1/namespaces/kube%2Dsystem/pods/etcd-0/attach"),
    ("kube_node_proxy", "GET /api/v1/nodes/worker-1/proxy/exec/shop/web/c?command=sh"),
    ("kube_node_proxy", "POST /api/v1/nodes/worker-1/proxy/run/shop/web/c?cmd=id"),
    ("kube_node_proxy", "GET /api/v1/nodes/worker-1/proxy/metrics%2F..%2Frun"),
    ("kube_node_proxy", "GET /api/v1/proxy/nodes/worker-1/pods"),
    ("kube_node_proxy", "GET /api/v1/nodes/https:worker-1:10250/proxy/containerLogs/shop/web/c"),
    ("kube_proxy", "GET /api/v1/namespaces/shop/services/https:vault:8200/proxy/v1/secret"),
    ("kube_proxy", "POST /api/v1/namespaces/shop/pods/web:8080/proxy/admin/delete"),
    ("kube_proxy", "DELETE /api/v1/proxy/namespaces/shop/services/web/x"),
]

RIGHTS = [
    (
        "kube_rbac",
        f'POST {RBAC}/clusterrolebindings\n\n{{"metadata":{{"name":"x"}},"roleRef":{{"kind":"ClusterRole","name":"cluster-admin"}},"subjects":[{{"kind":"User","name":"me"}}]}}',
    ),
    (
        "kube_rbac",
        f'POST {RBAC}/namespaces/shop/rolebindings\n\n{{"metadata":{{"name":"x"}},"roleRef":{{"kind":"ClusterRole","name":"cluster-admin"}}}}',
    ),
    ("kube_rbac", f'POST {RBAC}beta1/clusterrolebindings\n\n{{"roleRef":{{"name":"cluster-admin"}}}}'),
    (
        "kube_rbac",
        f'POST {RBAC}/clusterrolebindings\n\n{{"metadata":{{"name":"x"}},"roleRef":{{"name":"view"}},"subjects":[{{"kind":"Group","name":"system:unauthenticated"}}]}}',
    ),
    (
        "kube_rbac",
        f'PATCH {RBAC}/clusterrolebindings/cluster-admin\n\n[{{"op":"add","path":"/subjects/-","value":{{"kind":"User","name":"me"}}}}]',
    ),
    (
        "kube_rbac",
        f'POST {RBAC}/clusterroles\n\n{{"metadata":{{"name":"x"}},"rules":[{{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}}]}}',
    ),
    (
        "kube_rbac",
        f'POST {RBAC}/clusterroles\n\n{{"metadata":{{"name":"x"}},"rules":[{{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"verbs":["escalate","bind"]}}]}}',
    ),
    (
        "kube_rbac",
        f'POST {RBAC}/clusterroles\n\n{{"metadata":{{"name":"x"}},"rules":[{{"apiGroups":[""],"resources":["users"],"verbs":["impersonate"]}}]}}',
    ),
    (
        "kube_rbac",
        f'POST {RBAC}/clusterroles\n\n{{"metadata":{{"name":"x","labels":{{"rbac.authorization.k8s.io/aggregate-to-edit":"true"}}}},"rules":[]}}',
    ),
    (
        "kube_rbac",
        f'POST {RBAC}/clusterroles\n\n{{"metadata":{{"name":"x"}},"aggregationRule":{{"clusterRoleSelectors":[{{}}]}}}}',
    ),
    (
        "kube_rbac",
        f'PATCH {RBAC}/namespaces/shop/roles/x\n\n[{{"op":"add","path":"/rules/0/verbs/-","value":"escalate"}}]',
    ),
    (
        "kube_rbac",
        f"PATCH {RBAC}/clusterroles/x?fieldManager=y\n{APPLY}\n\nrules:\n- apiGroups: ['']\n  resources: ['*']\n  verbs: [get, 'delete']\n",
    ),
    ("kube_rbac", f"DELETE {RBAC}/clusterroles/system:node"),
    (
        "kube_rbac",
        'PATCH /api/v1/namespaces/kube-system/configmaps/aws-auth\n\n{"data":{"mapUsers":"- groups: [system:masters]"}}',
    ),
    ("kube_rbac", "GET /api/v1/namespaces/shop/pods\nImpersonate-User: me\nImpersonate-Group: system:masters"),
    ("kube_secrets", "GET /api/v1/secrets"),
    ("kube_secrets", "GET /api/v1/secrets?limit=500&watch=true"),
    ("kube_secrets", "GET /api/v1/watch/secrets"),
    ("kube_secrets", "GET /api/v1/secrets?labelSelector=owner+in+(x,owner%3Dhelm,y)"),
    (
        "kube_tokens",
        'POST /api/v1/namespaces/shop/serviceaccounts/deployer/token\n\n{"kind":"TokenRequest","spec":{}}',
    ),
    (
        "kube_tokens",
        'POST /api/v1/namespaces/shop/serviceaccounts/deployer/token?dryRun=All\n\n{"kind":"TokenRequest"}',
    ),
    (
        "kube_tokens",
        'POST /api/v1/namespaces/shop/secrets\n\n{"metadata":{"name":"t"},"type":"kubernetes.io/service-account-token"}',
    ),
    (
        "kube_certificates",
        'PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/me/approval\n\n{"status":{"conditions":[{"type":"Approved","status":"True"}]}}',
    ),
    (
        "kube_certificates",
        'PATCH /apis/certificates.k8s.io/v1/certificatesigningrequests/me/status\n\n{"status":{"certificate":"x"}}',
    ),
    ("kube_admission", "DELETE /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard"),
    (
        "kube_admission",
        'PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/guard\n\n[{"op":"remove","path":"/webhooks/0"}]',
    ),
    ("kube_admission", "DELETE /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/guard"),
    (
        "kube_aggregation",
        'POST /apis/apiregistration.k8s.io/v1/apiservices\n\n{"kind":"APIService","metadata":{"name":"v1.x"}}',
    ),
    (
        "kube_aggregation",
        'PATCH /apis/apiregistration.k8s.io/v1/apiservices/v1.metrics.k8s.io\n\n{"spec":{"insecureSkipTLSVerify":true}}',
    ),
]

INSIDE_PODS = [
    ("remove", f"POST {PODS}/web/exec?command=rm&command=-rf&command=/&stdout=true"),
    ("remove", f"POST {PODS}/web/exec?command=sh&command=-c&command=cd+/;+rm+-rf+*"),
    ("remove", f"GET {PODS}/web/exec?command=%72m&command=-rf&command=%2F"),
    ("remove", f"GET {PODS}/web/exec?command=env&command=sh&command=-c&command=rm+-rf+/"),
    ("hidden_code", f"POST {PODS}/web/exec?command=sh&command=-c&command=$(cat+/tmp/x)"),
    ("input_code", f"POST {PODS}/web/exec?command=sh&stdin=true"),
    ("input_code", f"POST {PODS}/web/exec?command=bash&command=-s&stdin=true&tty=false"),
    ("shutdown", f"POST {PODS}/web/exec?command=reboot"),
]

UNPARSABLE = [
    "GET /api/v1/namespaces/shop/../kube-system/secrets",
    "GET /api/v1/namespaces/shop/%2e%2e/kube-system/secrets",
    "DELETE /api/v1//namespaces/shop",
    "DELETE //api/v1/namespaces/shop",
    "DELETE /api/v1/namespaces/shop//",
    "DELETE /api/v1/namespaces%2Fshop",
    "DELETE /api/v1/namespaces/shop%00",
    "DELETE /api/v1/namespaces/shop%",
    "DELETE /api/v1/namespaces/%ff",
    "DELETE /api/v1/Namespaces/shop",
    "DELETE /api/v1/namespaces/shop%252fx",
    "GET /api/v1/namespaces/shop/services/web/proxy/..%2f..%2fnodes",
    "GET /api/v1/namespaces/shop/services/web/proxy/%252e%252e/nodes",
    "POST /api/v1/watch/namespaces/shop/pods",
    f"MKCOL {PODS}",
    f"GET {PODS}?labelSelector=a;watch=true",
    f"GET {PODS}?watch=%zz",
    f"GET {PODS}?watch=false&watch=true",
    f"POST {PODS}?dryRun=Yes\n\n{{}}",
    'DELETE /api/v1/namespaces/shop\n\n{"dryRun":["All"],"dryRun":[]}',
    'DELETE /api/v1/namespaces/shop\n\n{"kind":"Pod","dryRun":["All"]}',
    "DELETE /api/v1/namespaces/shop\nContent-Type: application/cbor\n\nx",
    "DELETE /api/v1/namespaces/shop\n\nnull",
    f'POST {PODS}\n\n{{"spec":{{"hostPID":false,"hostPID":true}}}}',
    f'POST {PODS}\n\n{{"spec":{{"hostPID":false,"host\\u0050ID":true}}}}',
    f'POST {PODS}\n\n{{"kind":"Pod"}} {{"kind":"Pod"}}',
    f"POST {PODS}\n\n\ufeff{{}}",
    f"POST {PODS}\nContent-Type: text/plain\n\n{{}}",
    f"POST {PODS}\nContent-Encoding: gzip\n\n{{}}",
    f"POST {PODS}\nContent-Type: application/json\nContent-Type: application/yaml\n\n{{}}",
    f"POST {PODS}\n{YAML}\n\nspec:\n  hostPID: false\n  hostPID: true\n",
    f"POST {PODS}\n{YAML}\n\nx: &x {{hostPID: true}}\nspec:\n  <<: *x\n",
    f"POST {PODS}\n{YAML}\n\nkind: Pod\n---\nkind: Pod\n",
    f"POST {PODS}\n{YAML}\n\nspec: !!python/object:os.system x\n",
    f"POST {PODS}\n{YAML}\n\nspec: !!binary aG9zdFBJRA==\n",
    f"PATCH {PODS}/web\nContent-Type: application/json\n\n{{}}",
    f"PATCH {PODS}/web\nContent-Type: application/apply-patch+cbor\n\n{{}}",
    f'PATCH {PODS}/web\n\n[{{"op":"Add","path":"/spec","value":1}}]',
    f'PATCH {PODS}/web\n\n[{{"op":"add","path":"spec","value":1}}]',
    f"GET {PODS}\n\n{{}}",
    f"PUT {PODS}/web",
]

DESTRUCTIVE = [*DELETING, *FINALIZERS, *PODS_THAT_ESCAPE, *RIGHTS, *INSIDE_PODS]
