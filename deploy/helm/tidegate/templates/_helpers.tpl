{{/* The release's name; a release that is called otherwise than the chart can stand beside another one. */}}
{{- define "tidegate.name" -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "tidegate.labels" -}}
app: {{ include "tidegate.name" . }}
environment: {{ .Values.environment }}
managed-by: flux
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
