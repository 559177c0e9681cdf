{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* Pods that Pillion rightly leaves alone, judged as internal/inject does it: by what the pod is and who makes
it, and never by pillion.dev/status, which anybody can write. */ -}}
{{- define "pillion.guard.noMirror" -}}
# The mark alone says nothing: everybody can write it.
- name: not-a-mirror-of-a-static-pod
  expression: >-
    !(has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations &&
    has(object.spec.nodeName) && request.userInfo.username == 'system:node:' + object.spec.nodeName &&
    has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups)
{{- end }}

{{- define "pillion.guard.noWindows" -}}
- name: not-on-windows
  expression: >-
    has(object.spec.os) ? object.spec.os.name != 'windows' : !(has(object.spec.nodeSelector) &&
    ['kubernetes.io/os', 'beta.kubernetes.io/os'].exists(label, label in object.spec.nodeSelector && object.spec.nodeSelector[label] == 'windows'))
{{- end }}

{{- /* The variables and validations of a final-state guard. The arguments are CEL expressions: of a map from
keys to values, as in the annotations of a pod; of the list of those keys in it that ask for something; of words
for who wants what `key` stands for; and the root. */ -}}
{{- define "pillion.guard.checks" -}}
{{- $who := index . 2 -}}
{{- $why := "'. Either the webhook did not see the pod (was it down, with failurePolicy: Ignore?), or another webhook has taken this away. Next: kubectl pillion check'" -}}
variables:
  # The helpers of the platform that run as init containers, by name.
  - name: initHelpers
    expression: >-
      {{ include "pillion.guard.initHelpers" (index . 3) }}
  - name: asked
    expression: >-
      {{ index . 0 }}
  - name: keys
    expression: >-
      {{ index . 1 }}
  - name: status
    expression: >-
      has(object.metadata.annotations) && 'pillion.dev/status' in object.metadata.annotations ? object.metadata.annotations['pillion.dev/status'] : ''
  - name: initContainers
    expression: "has(object.spec.initContainers) ? object.spec.initContainers : []"
  - name: names
    expression: variables.initContainers.map(c, c.name)
  # "/dev/shm" is "//dev/shm/" here, so that one contains() finds "/dev/shm/" and "dev/shm" as well.
  - name: mountPaths
    expression: >-
      (object.spec.containers + variables.initContainers).filter(c, has(c.volumeMounts)).map(c, c.volumeMounts.map(m, '/' + m.mountPath + '/'))
  # Keys without the init container that they ask for: [<instance>.]<helper>.pillion.dev/…
  # is about pillion-<helper>[-<instance>]. That of a misspelt key is one that no pod has.
  - name: missing
    expression: >-
      variables.keys.filter(key, !key.startsWith('ipc.pillion.dev/')).map(key,
      [('.' + key).split('.pillion.dev/')[0].split('.')].map(part, [key, key.startsWith('start.pillion.dev/') ? 'pillion-install' :
      'pillion-' + part[part.size() - 1] + (part.size() > 2 ? '-' + part[1] : '')])[0]).filter(pair, !(pair[1] in variables.names))
  # All helpers are native sidecars but these, those that prepare the ground, and those that
  # fetch once, as their arguments say (the second spelling is that of git-sync).
  - name: stripped
    expression: >-
      variables.initContainers.filter(c, c.name.startsWith('pillion-') && c.name != 'pillion-install' && !c.name.startsWith('pillion-ipc-init') &&
      !variables.initHelpers.exists(h, (c.name + '-').startsWith('pillion-' + h + '-')) && !(has(c.restartPolicy) && c.restartPolicy == 'Always') &&
      !(has(c.args) && c.args.exists(arg, arg == '--once' || arg == '--one-time=true'))).map(c, c.name)
  # [key, container] of the commands that lack the words in front.
  - name: unwrapped
    expression: >-
      ['start.pillion.dev/after', 'start.pillion.dev/umask'].filter(key, key in variables.asked).map(key,
      [variables.asked[key].split(',').map(pair, pair.split('=')[0].trim())].map(names, object.spec.containers.filter(c, c.name in names &&
      !(has(c.command) && c.command.size() > 1 && c.command[0] == '/.pillion/bin/pillion-helper')).map(c, [key, string(c.name)]))[0]).filter(pairs, pairs.size() > 0)
  # Keys of ipc of which nothing is to be seen. 64Mi at /dev/shm are in every pod; "containers", "cpu" and
  # "memory" ask for nothing by themselves, so then a default of the policy does, of which the status alone tells.
  - name: undone
    expression: >-
      variables.keys.filter(key, key.startsWith('ipc.pillion.dev/') && !(
      key in ['ipc.pillion.dev/mqueue', 'ipc.pillion.dev/sysv', 'ipc.pillion.dev/fifo'] ? variables.names.exists(name, name.startsWith('pillion-ipc-init')) :
      key == 'ipc.pillion.dev/shm' ? isQuantity(variables.asked[key]) && !quantity(variables.asked[key]).isGreaterThan(quantity('64Mi')) || variables.mountPaths.exists(paths, paths.exists(path, path.contains('/dev/shm/'))) :
      key == 'ipc.pillion.dev/socket' ? variables.mountPaths.exists(paths, paths.exists(path, path.contains(variables.asked[key] + '/'))) :
      key == 'ipc.pillion.dev/hugepages' ? variables.mountPaths.exists(paths, paths.exists(path, path.contains('/dev/hugepages/'))) :
      key == 'ipc.pillion.dev/process' ? variables.asked[key] == 'false' || has(object.spec.shareProcessNamespace) && object.spec.shareProcessNamespace :
      key == 'ipc.pillion.dev/sysctls' ? has(object.spec.securityContext) && has(object.spec.securityContext.sysctls) &&
      variables.asked[key].split(',').all(pair, object.spec.securityContext.sysctls.exists(s, s.name.replace('/', '.') == pair.split('=')[0].trim())) :
      key == 'ipc.pillion.dev/gid' ? has(object.spec.securityContext) && has(object.spec.securityContext.fsGroup) :
      key in ['ipc.pillion.dev/containers', 'ipc.pillion.dev/cpu', 'ipc.pillion.dev/memory', 'ipc.pillion.dev/'] && (variables.keys.exists(other, other != key && other.startsWith('ipc.pillion.dev/')) || variables.status.contains('"helper":"ipc"'))))
  # The status is believed where it demands more, never where it would excuse something.
  - name: lost
    expression: >-
      variables.status.findAll('"container":"[^"]*"').map(field, field.split('"')[3]).filter(name, !(name in variables.names))
# A message names the first of several keys, so that it is the same for each pod of a ReplicaSet.
validations:
  - expression: variables.missing.size() == 0
    messageExpression: >-
      [variables.missing.map(pair, pair[0]).min()].map(key, 'pillion: the pod lacks what ' + {{ $who }} +
      ', the init container ' + variables.missing.filter(pair, pair[0] == key)[0][1] + {{ $why }})[0]
    message: "pillion: the pod lacks a helper that it asks for. Next: kubectl pillion check"
    reason: Forbidden
  - expression: variables.stripped.size() == 0
    messageExpression: >-
      'pillion: the init container ' + variables.stripped[0] + ' has lost restartPolicy: Always, so the pod would wait for its end and never start. Another webhook has taken that away, one as a rule that does not know the field. Next: kubectl pillion check'
    message: "pillion: a helper has lost restartPolicy: Always. Next: kubectl pillion check"
    reason: Forbidden
  - expression: variables.unwrapped.size() == 0
    messageExpression: >-
      variables.unwrapped[0].map(pair, [pair[0]].map(key, 'pillion: the pod lacks what ' + {{ $who }} + ', the command prefix that waits in container ' + pair[1] + {{ $why }})[0])[0]
    message: "pillion: a container does not wait as the pod asks for. Next: kubectl pillion check"
    reason: Forbidden
  - expression: variables.undone.size() == 0
    messageExpression: >-
      [variables.undone.min()].map(key, 'pillion: the pod lacks what ' + {{ $who }} +
      (key in ['ipc.pillion.dev/mqueue', 'ipc.pillion.dev/sysv', 'ipc.pillion.dev/fifo'] ? ', the init container pillion-ipc-init' : '') + {{ $why }})[0]
    message: "pillion: the pod lacks something of ipc that it asks for. Next: kubectl pillion check"
    reason: Forbidden
  - expression: variables.lost.size() == 0
    messageExpression: >-
      'pillion: the pod has lost the init container ' + variables.lost[0] + ', which its annotation pillion.dev/status lists. Another webhook has taken it out. Next: kubectl pillion check'
    message: "pillion: the pod has lost a helper that its annotation pillion.dev/status lists. Next: kubectl pillion check"
    reason: Forbidden
{{- end }}

{{- /* What a policy requires, as the annotations that a pod would ask for it with, as JSON. A helper without options
is a key without an option. */ -}}
{{- define "pillion.guard.required" -}}
{{- $asked := dict -}}
{{- range . -}}
{{- $prefix := printf "%s.pillion.dev/" (ternary (printf "%s.%s" .instance .helper) .helper (not (empty .instance))) -}}
{{- range $option, $value := .options -}}
{{- $_ := set $asked (print $prefix $option) (toString $value) -}}
{{- else -}}
{{- $_ := set $asked $prefix "" -}}
{{- end -}}
{{- end -}}
{{ toJson $asked }}
{{- end }}

{{- /* The names of the helpers of the platform that run as init containers, as JSON. */ -}}
{{- define "pillion.guard.initHelpers" -}}
{{- $names := list -}}
{{- range $name, $of := .Values.helpers -}}
{{- if eq (toString $of.run) "Init" -}}{{- $names = append $names $name -}}{{- end -}}
{{- end -}}
{{ toJson $names }}
{{- end }}

{{- /* For each policy, the limits that it gives its helpers, as JSON, which is CEL as well. */ -}}
{{- define "pillion.guard.limits" -}}
{{- $standard := .Files.Get "files/helpers.json" | fromJson -}}
{{- $builtin := dict "default" (.Files.Get "files/default-policy.yaml" | fromYaml).spec -}}
{{- $all := dict -}}
{{- range $policy, $spec := include "pillion.policies" . | fromJson | default $builtin -}}
{{- $helpers := dict -}}
{{- range $helper, $of := $spec.helpers -}}
{{- $of = default dict $of -}}
{{- $limits := (get $standard (ternary (printf "%s/git-sync" $helper) $helper (eq (toString $of.engine) "git-sync")) | default dict).limits -}}
{{- with get (default dict $.Values.helpers) $helper -}}{{- $limits = .container.resources.limits -}}{{- end -}}
{{- with ($of.resources).limits -}}{{- $limits = . -}}{{- end -}}
{{- range $resource := list "cpu" "memory" -}}
{{- with (get (default dict $of.resources) $resource) -}}{{- $limits = merge (dict $resource .max) $limits -}}{{- end -}}
{{- end -}}
{{- $quoted := dict -}}
{{- range $resource, $quantity := $limits -}}
{{- $_ := set $quoted $resource (toJson $quantity | trimAll "\"") -}}
{{- end -}}
{{- $_ := set $helpers $helper $quoted -}}
{{- end -}}
{{- $_ := set $all $policy $helpers -}}
{{- end -}}
{{ toJson $all }}
{{- end }}

{{- /* For each helper of the policies, those whose names begin with its name and a dash, as JSON. */ -}}
{{- define "pillion.guard.longer" -}}
{{- $names := list -}}
{{- range $spec := include "pillion.guard.limits" . | fromJson -}}
{{- $names = concat $names (keys $spec) -}}
{{- end -}}
{{- $all := dict -}}
{{- range $name := $names | uniq | sortAlpha -}}
{{- $longer := list -}}
{{- range $other := $names | uniq | sortAlpha -}}
{{- if hasPrefix (print $name "-") $other -}}{{- $longer = append $longer $other -}}{{- end -}}
{{- end -}}
{{- $_ := set $all $name $longer -}}
{{- end -}}
{{ toJson $all }}
{{- end }}

{{- /* Whether the container c is one of the helper h: pillion-h, or an instance of it. */ -}}
{{- define "pillion.guard.isOf" -}}
(c.name + '-').startsWith('pillion-' + h + '-') && !variables.longer[h].exists(other, (c.name + '-').startsWith('pillion-' + other + '-'))
{{- end }}

{{- /* The requests, or limits, that an update raises beyond what they were and what the policy allows, in words. A
first limit raises nothing: there was none. A first request does. */ -}}
{{- define "pillion.guard.raised" -}}
variables.helpers.filter(c, has(c.resources) && has(c.resources.{{ . }})).map(c, c.resources.{{ . }}.map(r,
!variables.before.exists(o, o.name == c.name && (has(o.resources) && has(o.resources.{{ . }}) && r in o.resources.{{ . }} ?
!quantity(c.resources.{{ . }}[r]).isGreaterThan(quantity(o.resources.{{ . }}[r])) : {{ eq . "limits" }})) &&
!variables.limits.exists(h, {{ include "pillion.guard.isOf" . }} && r in variables.limits[h] && !quantity(c.resources.{{ . }}[r]).isGreaterThan(quantity(variables.limits[h][r]))),
'{{ . }}.' + r + ' of ' + c.name + ' would be ' + string(c.resources.{{ . }}[r]) + ', and can be at most ' +
(variables.limits.filter(h, {{ include "pillion.guard.isOf" . }} && r in variables.limits[h]).map(h, variables.limits[h][r] + ', the limit of policy "' + variables.policy + '"') +
['what it was, for policy "' + variables.policy + '" has no limit for it'])[0])).filter(list, list.size() > 0).map(list, list[0])
{{- end }}
