{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* What is denied before anything in the cluster changes. Without a cluster to ask, as in "helm template", lookup
finds nothing, and what depends on it is not asked. */ -}}
{{- define "pillion.prerequisites" -}}
{{- $namespace := include "pillion.namespace" . -}}
{{- if and (has $namespace (concat (list "default" "kube-system" "kube-public" "kube-node-lease") .Values.excludedNamespaces)) (not .Values.allowSharedNamespace) -}}
{{- fail (printf "the namespace %s: pods of the release's namespace get no helpers and no error, so it must not be one that others use; choose one for Pillion alone (--namespace pillion-system --create-namespace), or set allowSharedNamespace to true" $namespace) -}}
{{- end -}}
{{- if .Release.IsInstall -}}
{{- range (lookup "admissionregistration.k8s.io/v1" "MutatingWebhookConfiguration" "" "").items -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $instance := get $labels "app.kubernetes.io/instance" -}}
{{- $in := "" -}}
{{- with .webhooks -}}{{- $in = ((first .).clientConfig.service).namespace | default "" -}}{{- end -}}
{{- if and (eq (get $labels "app.kubernetes.io/part-of") "pillion") (or (ne $instance $.Release.Name) (ne $in $namespace)) -}}
{{- fail (printf "Pillion is in this cluster already: MutatingWebhookConfiguration %s belongs to the release %s in the namespace %s, and both releases would be called for each pod; upgrade that one (helm upgrade %s -n %s), or uninstall it first" .metadata.name $instance $in $instance $in) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if lookup "v1" "Namespace" "" "kube-system" -}}
{{- $source := .Values.certificates.source -}}
{{- if and (has $source (list "cert-manager" "issuer")) (not (.Capabilities.APIVersions.Has "cert-manager.io/v1")) -}}
{{- $or := "set certificates.source to job, which needs nothing else" -}}
{{- if .Capabilities.APIVersions.Has "route.openshift.io/v1" -}}
{{- $or = "use values-openshift.yaml, with which OpenShift's service CA issues the certificate" -}}
{{- end -}}
{{- fail (printf "certificates.source: is %s, but this cluster has no API cert-manager.io/v1; install cert-manager first, or %s" $source $or) -}}
{{- end -}}
{{- range $name := list "podMonitor" "serviceMonitor" "helpers" "prometheusRule" -}}
{{- if and (get $.Values.monitoring $name | default dict).enabled (not ($.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- fail (printf "monitoring.%s.enabled: is true, but this cluster has no API monitoring.coreos.com/v1; install the Prometheus operator first, or set it to false" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
