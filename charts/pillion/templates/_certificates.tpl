{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* For certificates.source "job": what its objects are called. A CronJob's name has at most 52
characters, that of a Job with the revision behind at most 63. */ -}}
{{- define "pillion.certificates" -}}
{{ include "pillion.fullname" . | trunc 39 | trimSuffix "-" }}-certificates
{{- end }}

{{- define "pillion.certificatesLabels" -}}
app.kubernetes.io/name: pillion-certificates
{{ include "pillion.releaseLabels" . }}
{{- end }}

{{- /* The pod of a run. Takes the root, and a revision of the webhook configurations to wait for or "". */ -}}
{{- define "pillion.certificatesPod" -}}
{{- $revision := index . 1 -}}
{{- with index . 0 -}}
metadata:
  labels:
    {{- include "pillion.certificatesLabels" . | nindent 4 }}
spec:
  serviceAccountName: {{ include "pillion.certificates" . }}
  automountServiceAccountToken: true # it is there to ask the API server
  enableServiceLinks: false
  restartPolicy: Never # a failed pod stays, with its log
  {{- with include "pillion.imagePullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  nodeSelector:
    {{- include "pillion.nodeSelector" . | nindent 4 }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    {{- with .Values.runAsUser }}
    runAsUser: {{ int64 . }}
    runAsGroup: {{ int64 . }}
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: certificates
      image: {{ include "pillion.image" (list . .Values.certificates.job.image .Chart.AppVersion) }}
      imagePullPolicy: {{ .Values.certificates.job.image.pullPolicy }}
      args:
        - --namespace={{ include "pillion.namespace" . }}
        - --secret
        - {{ include "pillion.tlsSecret" . }}
        {{- range include "pillion.configurationNames" . | fromJsonArray }}
        - --mutating={{ . }}
        - --validating={{ . }}
        {{- end }}
        - --dns-name
        - {{ include "pillion.webhook" . }}.{{ include "pillion.namespace" . }}.svc
        - --validity={{ .Values.certificates.job.validity }}
        - --log-format={{ .Values.log.format }}
        {{- with $revision }}
        - --revision={{ . }} # entries of this release may be written after this Job
        {{- end }}
      resources:
        requests:
          cpu: 10m
          memory: 32Mi
        limits:
          memory: 128Mi
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
{{- end }}
{{- end }}
