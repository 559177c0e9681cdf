{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* The webhook configurations are called in the order of their names, so the name matters: see
mutatingwebhookconfiguration.yaml. 45 characters leave room for what is put behind. */ -}}
{{- define "pillion.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = ternary .Release.Name (printf "pillion-%s" .Release.Name) (contains "pillion" .Release.Name) -}}
{{- end -}}
{{- $name = $name | trunc 45 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the release name %q: gives objects the name %q, which a Service cannot have: lower-case letters, digits and \"-\", with a letter first; choose another release name, or set fullnameOverride" .Release.Name $name) -}}
{{- end -}}
{{ $name }}
{{- end }}

{{- /* Where everything is that is in a namespace. */ -}}
{{- define "pillion.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- /* The name of the Deployment, and of what belongs to it. */ -}}
{{- define "pillion.webhook" -}}
{{ include "pillion.fullname" . }}-webhook
{{- end }}

{{- define "pillion.serviceAccount" -}}
{{- $account := .Values.serviceAccount | default dict -}}
{{- if and (eq (toString $account.create) "false") (not $account.name) -}}
{{- fail "serviceAccount.name: is empty; with serviceAccount.create false it is the name of your ServiceAccount" -}}
{{- end -}}
{{ $account.name | default (include "pillion.webhook" .) }}
{{- end }}

{{- /* Never more and never less: a Deployment's selector cannot be changed. */ -}}
{{- define "pillion.selectorLabels" -}}
app.kubernetes.io/name: pillion-webhook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Of the test's pod, which no Service and no PodDisruptionBudget of the webhook may select. */ -}}
{{- define "pillion.testLabels" -}}
app.kubernetes.io/name: pillion-test
{{ include "pillion.releaseLabels" . }}
{{- end }}

{{- define "pillion.labels" -}}
app.kubernetes.io/name: pillion-webhook
{{ include "pillion.releaseLabels" . }}
{{- end }}

{{- /* Of each object, besides its name. Helm adds managed-by itself. */ -}}
{{- define "pillion.releaseLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: pillion
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with include "pillion.commonLabels" . }}
{{ . }}
{{- end }}
{{- end }}

{{- define "pillion.commonLabels" -}}
{{- range $key := list "name" "instance" "part-of" "version" "component" -}}
{{- $key = printf "app.kubernetes.io/%s" $key -}}
{{- if hasKey ($.Values.commonLabels | default dict) $key -}}
{{- fail (printf "commonLabels: %s is set by the chart; choose another key" $key) -}}
{{- end -}}
{{- end -}}
{{- with .Values.commonLabels -}}
{{ toYaml . }}
{{- end -}}
{{- end }}

{{- /* Of what Prometheus and Grafana look for. */ -}}
{{- define "pillion.monitoringLabels" -}}
{{- $labels := merge (dict) .Values.monitoring.labels -}}
{{- range $key, $_ := .Values.commonLabels -}}{{- $labels = omit $labels $key -}}{{- end -}}
{{- with $labels -}}
{{ toYaml . }}
{{ end -}}
{{ include "pillion.labels" . }}
{{- end }}

{{- /* The name of an image. Takes the root, the image's values, and the default of its tag. */ -}}
{{- define "pillion.image" -}}
{{- $image := index . 1 -}}
{{- $name := printf "%s:%s" (include "pillion.fromRegistry" (list (index . 0) $image.repository)) (default (index . 2) $image.tag) -}}
{{- if or $image.tag $image.digest -}}
{{ $name }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- else -}}
{{ include "pillion.released" (list (index . 0) $name) }}
{{- end -}}
{{- end }}

{{- /* The name of an image with the digest that it has in the release that the chart is of. Takes the root and the
name. The file is written by "make release", so that values say nothing of digests: --reuse-values would keep
those of the previous release. Images of a mirror have other names, and may have other digests. */ -}}
{{- define "pillion.released" -}}
{{- $digests := (index . 0).Files.Get "files/digests.json" | default "{}" | fromJson -}}
{{ index . 1 }}{{ with get $digests (index . 1) }}@{{ . }}{{ end }}
{{- end }}

{{- /* The registry of all images, or "". */ -}}
{{- define "pillion.registry" -}}
{{ .Values.imageRegistry | default (.Values.global).imageRegistry | default "" | trimSuffix "/" }}
{{- end }}

{{- /* The name of an image from that registry. Takes the root and a name, whose first part is a registry if it
has a dot or a colon or is localhost. */ -}}
{{- define "pillion.fromRegistry" -}}
{{- $name := index . 1 -}}
{{- with include "pillion.registry" (index . 0) -}}
{{- $first := splitList "/" $name | first -}}
{{- if and (contains "/" $name) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- $name = trimPrefix (printf "%s/" $first) $name -}}
{{- end -}}
{{- $name = printf "%s/%s" . $name -}}
{{- end -}}
{{ $name }}
{{- end }}

{{- /* The image of the helpers in policies that name none. */ -}}
{{- define "pillion.helperImage" -}}
{{- $builtin := get (.Files.Get "files/helpers.json" | fromJson) "git-poller" -}}
{{- with .Values.helperImage -}}
{{ include "pillion.fromRegistry" (list $ .) }}
{{- else -}}
{{ include "pillion.released" (list . (include "pillion.fromRegistry" (list . $builtin.image))) }}
{{- end -}}
{{- end }}

{{- /* The field imagePullSecrets of a pod. */ -}}
{{- define "pillion.imagePullSecrets" -}}
{{- with concat (.Values.imagePullSecrets | default list) ((.Values.global).imagePullSecrets | default list) | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{- /* Clusters may have nodes of Windows as well. */ -}}
{{- define "pillion.nodeSelector" -}}
{{- merge (dict) .Values.nodeSelector (dict "kubernetes.io/os" "linux") | toYaml -}}
{{- end }}

{{- define "pillion.tlsSecret" -}}
{{- if eq .Values.certificates.source "secret" -}}
{{ .Values.certificates.secretName }}
{{- else if eq .Values.certificates.source "job" -}}
{{- /* Another name than cert-manager's: Helm would not take over an object of others. */ -}}
{{ include "pillion.webhook" . }}-certificate
{{- else -}}
{{ include "pillion.webhook" . }}-tls
{{- end -}}
{{- end }}

{{- /* The policies that the pods are to load, by name, as JSON; {} for the built-in one alone. */ -}}
{{- define "pillion.policies" -}}
{{- $policies := deepCopy (.Values.policies | default dict) -}}
{{- range $name := list "unknown" "namespace" -}}
{{- if hasKey $policies $name -}}
{{- fail (printf "policies.%s: the name is taken by a webhook entry of the chart; choose another one" $name) -}}
{{- end -}}
{{- end -}}
{{- $images := .Files.Get "files/helpers.json" | fromJson -}}
{{- $defined := .Values.helpers | default dict -}}
{{- $names := keys $defined -}}
{{- range $name, $_ := $images -}}{{- if not (contains "/" $name) -}}{{- $names = append $names $name | sortAlpha -}}{{- end -}}{{- end -}}
{{- range $name, $_ := $defined -}}
{{- if hasKey $images $name -}}
{{- fail (printf "helpers.%s: the name is taken by a built-in helper; choose another one" $name) -}}
{{- end -}}
{{- end -}}
{{- $registry := include "pillion.registry" . -}}
{{- $image := or .Values.helperImage (ne (include "pillion.helperImage" .) (get $images "git-poller").image) -}}
{{- if and (or $policies $image $defined) (not (hasKey $policies "default")) -}}
{{- $_ := set $policies "default" (.Files.Get "files/default-policy.yaml" | fromYaml).spec -}}
{{- end -}}
{{- range $name, $spec := $policies -}}
{{- if and $image (not $spec.image) -}}{{- $_ := set $spec "image" (include "pillion.helperImage" $) -}}{{- end -}}
{{- range $helper, $of := $spec.helpers -}}
{{- if not (or (hasKey $images $helper) (hasKey $defined $helper)) -}}
{{- fail (printf "policies.%s.helpers.%s: there is no such helper; the helpers are %s. One of your own is defined under helpers.%s" $name $helper ($names | join ", ") $helper) -}}
{{- end -}}
{{- if and $registry $of (eq (toString ($of).engine) "git-sync") (not ($of).image) -}}
{{- $_ := set $of "image" (include "pillion.fromRegistry" (list $ (get $images (printf "%s/git-sync" $helper)).image)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toJson $policies }}
{{- end }}

{{- /* The files of the policies' ConfigMap. */ -}}
{{- define "pillion.policyFiles" -}}
{{- range $name, $spec := include "pillion.policies" . | fromJson }}
{{ $name }}.json: |
  {{- dict "apiVersion" "pillion.dev/v1alpha1" "kind" "InjectionPolicy" "metadata" (dict "name" $name) "spec" $spec | toPrettyJson | nindent 2 }}
{{- end }}
{{- range $name, $spec := .Values.helpers }}
helper-{{ $name }}.yaml: |
  {{- dict "apiVersion" "pillion.dev/v1alpha1" "kind" "Helper" "metadata" (dict "name" $name) "spec" $spec | toPrettyJson | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Names end in a hash of the content: other policies are another ConfigMap and so a rollout, and
a previous replica that restarts never reads what was meant for its successor. */ -}}
{{- define "pillion.policiesName" -}}
{{ include "pillion.fullname" . }}-policies-{{ print (include "pillion.policies" .) (ternary "" (toJson .Values.helpers) (empty .Values.helpers)) | sha256sum | trunc 10 }}
{{- end }}

{{- /* Nine tenths of the memory limit in bytes, for the Go runtime; nothing if there is no limit. */ -}}
{{- define "pillion.goMemLimit" -}}
{{- with (.Values.resources.limits).memory -}}
{{- $text := ternary (int64 .) . (kindIs "float64" .) | toString -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $number := trimSuffix $unit $text -}}
{{- if or (not (hasKey $units $unit)) (not (regexMatch "^[0-9]+$" $number)) -}}
{{- fail (printf "resources.limits.memory: %q is not a whole number with one of the units k, M, G, Ki, Mi and Gi, such as 256Mi" $text) -}}
{{- end -}}
{{ div (mul (int64 $number) (get $units $unit | int64) 9) 10 }}
{{- end -}}
{{- end }}

{{- /* Namespaces that no entry reaches. The label is set by the API server; nobody can forge it. */ -}}
{{- define "pillion.excludedNamespaces" -}}
{{ concat (list "kube-system" "kube-node-lease" (include "pillion.namespace" .)) .Values.excludedNamespaces | uniq | toJson }}
{{- end }}

{{- /* The annotations and the CA of a webhook configuration. Who fills in a CA owns the field, so it is
rendered only if nobody else does. */ -}}
{{- define "pillion.caAnnotations" -}}
{{- if and (has .Values.certificates.source (list "cert-manager" "issuer")) (not .Values.certificates.caBundle) }}
# cert-manager fills in caBundle, and keeps it right. It is not written here, or
# each apply would fight over it.
cert-manager.io/inject-ca-from: {{ include "pillion.namespace" . }}/{{ include "pillion.webhook" . }}
{{- else if eq .Values.certificates.source "job" }}
# The Job of a release waits until the entries of that release are here.
pillion.dev/certificates-revision: {{ include "pillion.certificatesRevision" . | quote }}
{{- end }}
{{- with .Values.certificates.configurationAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Another one for each upgrade of the release: then there may be entries that trust nobody yet, be it that
somebody has deleted them. And for each change of the Job's pod, where nobody counts upgrades, as in "helm template":
a Job cannot be changed. */ -}}
{{- define "pillion.certificatesRevision" -}}
{{ list .Chart.Version .Release.Name .Release.Namespace .Release.Revision .Values (include "pillion.certificatesPod" (list . "")) | toJson | sha256sum | trunc 10 }}
{{- end }}

{{- define "pillion.clientConfig" -}}
{{- $root := index . 0 -}}
clientConfig:
  service:
    name: {{ include "pillion.webhook" $root }}
    namespace: {{ include "pillion.namespace" $root }}
    path: {{ index . 1 }}
  {{- with $root.Values.certificates.caBundle }}
  caBundle: {{ b64enc . }}
  {{- end }}
{{- end }}

{{- /* The entries of a configuration, as JSON: for each the policy's name in its path, the requirement on the
namespace's label, and whether every pod of the namespace is reviewed. They are disjoint, and each namespace
is in one of them. "Without the label, or default" cannot be said in one selector, so default has two. */ -}}
{{- define "pillion.entries" -}}
{{- $policies := include "pillion.policies" . | fromJson -}}
{{- $names := append (keys $policies) "default" | uniq | sortAlpha -}}
{{- $everyPod := dict -}}
{{- range $name := $names -}}
{{- $spec := get $policies $name | default dict -}}
{{- $_ := set $everyPod $name (or (not (empty $spec.require)) (not (empty $spec.inject))) -}}
{{- end -}}
{{- $label := "pillion.dev/policy" -}}
{{- $entries := list
  (dict "prefix" "" "policy" "default" "everyPod" (get $everyPod "default") "label" (list (dict "key" $label "operator" "DoesNotExist")))
  (dict "prefix" "default." "policy" "default" "everyPod" (get $everyPod "default") "label" (list (dict "key" $label "operator" "In" "values" (list "default")))) -}}
{{- range $name := without $names "default" -}}
{{- $entries = append $entries (dict "prefix" (printf "%s." $name) "policy" $name "everyPod" (get $everyPod $name) "label" (list (dict "key" $label "operator" "In" "values" (list $name)))) -}}
{{- end -}}
{{- $entries = append $entries (dict "prefix" "unknown." "policy" "unknown" "everyPod" false "label" (list (dict "key" $label "operator" "Exists") (dict "key" $label "operator" "NotIn" "values" $names))) -}}
{{ toJson $entries }}
{{- end }}

{{- /* The webhook configurations, as JSON: what is put behind their name, and their entries. No release takes an
entry out of a configuration. Helm 4 applies on the server, and so does cert-manager's cainjector, which owns the
caBundle of each entry: of an entry that goes, this would be left, and the API server rejects it. So a policy of
values has configurations of its own, which come and go whole.

Helm changes them in this order. Those of unknown policies are last, so that a policy which comes is in force
before its name is known there, and one which goes is unknown there before it is gone. */ -}}
{{- define "pillion.configurations" -}}
{{- $own := list -}}
{{- $default := list -}}
{{- $unknown := list -}}
{{- range $entry := include "pillion.entries" . | fromJsonArray -}}
{{- if eq $entry.policy "default" -}}{{- $default = append $default $entry -}}
{{- else if eq $entry.policy "unknown" -}}{{- $unknown = append $unknown $entry -}}
{{- else -}}{{- $own = append $own (dict "suffix" (printf "-policy-%s" $entry.policy) "entries" (list $entry)) -}}
{{- end -}}
{{- end -}}
{{ concat (list (dict "suffix" "" "entries" $default)) $own (list (dict "suffix" "-unknown" "entries" $unknown)) | toJson }}
{{- end }}

{{- /* Their names, as JSON. */ -}}
{{- define "pillion.configurationNames" -}}
{{- $names := list -}}
{{- range $configuration := include "pillion.configurations" . | fromJsonArray -}}
{{- $names = append $names (printf "%s%s" (include "pillion.fullname" $) $configuration.suffix) -}}
{{- end -}}
{{ toJson $names }}
{{- end }}

{{- /* The namespaceSelector of an entry. */ -}}
{{- define "pillion.namespaceSelector" -}}
namespaceSelector:
  matchExpressions:
    # A cluster must be able to start without us, and so must we.
    - {key: kubernetes.io/metadata.name, operator: NotIn, values: {{ include "pillion.excludedNamespaces" (index . 0) | replace "," ", " }}}
    {{- with ((index . 0).Values.namespaceSelector).matchExpressions }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- range (index . 1) }}
    - {key: {{ .key }}, operator: {{ .operator }}{{ with .values }}, values: {{ toJson . | replace "," ", " }}{{ end }}}
    {{- end }}
  {{- with ((index . 0).Values.namespaceSelector).matchLabels }}
  matchLabels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* Which pods of those are sent, and which are guarded. */ -}}
{{- define "pillion.objectSelector" -}}
{{- with .Values.objectSelector -}}
objectSelector:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{- /* Further matchConditions of entries about pods, and of their guards. */ -}}
{{- define "pillion.matchConditions" -}}
{{- with .Values.matchConditions -}}
{{- toYaml . -}}
{{- end -}}
{{- end }}

{{- /* What a PodMonitor and a ServiceMonitor have in common, of an endpoint. */ -}}
{{- define "pillion.scrape" -}}
path: /metrics
interval: {{ .interval }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What a counter of the API servers has grown by in 20 minutes. Takes the labels to sum by, and a selector.
Such a series begins with its first event, which increase() does not see. So a series counts whole that was not there
20 minutes ago, when its API server was scraped already. */ -}}
{{- define "pillion.alert.increase" -}}
{{- $counter := index . 1 -}}
sum by ({{ index . 0 }}) (increase({{ $counter }}[20m]) > 0 or ({{ $counter }} unless {{ $counter }} offset 20m) and on (job, instance) (up offset 20m == 1)) > 0
{{- end }}
