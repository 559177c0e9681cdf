// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// asks is the annotation of the pods to which the native policy adds the sidecar.
const asks = "bench.example/sidecar"

// nativePolicy is a MutatingAdmissionPolicy that adds to a pod with one annotation what
// Pillion has added to another one: see sidecarOf.
func nativePolicy(s *sidecar) (*admissionregistrationv1.MutatingAdmissionPolicy, *admissionregistrationv1.MutatingAdmissionPolicyBinding) {
	meta := metav1.ObjectMeta{Name: "sidecar.bench.example"}
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{ObjectMeta: meta, Spec: admissionregistrationv1.MutatingAdmissionPolicySpec{
		MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionregistrationv1.RuleWithOperations{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			},
		}}},
		MatchConditions: []admissionregistrationv1.MatchCondition{{
			Name: "asks", Expression: fmt.Sprintf("has(object.metadata.annotations) && %q in object.metadata.annotations", asks),
		}},
		FailurePolicy:      new(admissionregistrationv1.Fail),
		ReinvocationPolicy: admissionregistrationv1.NeverReinvocationPolicy,
		Mutations: []admissionregistrationv1.Mutation{{
			PatchType: admissionregistrationv1.PatchTypeJSONPatch,
			JSONPatch: &admissionregistrationv1.JSONPatch{Expression: s.expression()},
		}},
	}}
	return policy, &admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: meta, Spec: admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{PolicyName: meta.Name}}
}

// sidecar is what Pillion adds.
type sidecar struct {
	container   corev1.Container
	volumes     []corev1.Volume
	mount       corev1.VolumeMount // in all containers
	annotations map[string]string
}

const reserved = "pillion-"

// sidecarOf takes apart what Pillion has made of a pod.
func sidecarOf(pod *corev1.Pod) (*sidecar, error) {
	s := &sidecar{annotations: map[string]string{}}
	if len(pod.Spec.InitContainers) != 1 {
		return nil, fmt.Errorf("the pod has %d init containers, want 1", len(pod.Spec.InitContainers))
	}
	s.container = pod.Spec.InitContainers[0]
	for _, v := range pod.Spec.Volumes {
		if strings.HasPrefix(v.Name, reserved) {
			s.volumes = append(s.volumes, v)
		}
	}
	for _, m := range pod.Spec.Containers[0].VolumeMounts {
		if strings.HasPrefix(m.Name, reserved) {
			s.mount = m
		}
	}
	for key, value := range pod.Annotations {
		if !strings.HasPrefix(key, "git-poller.") {
			s.annotations[key] = value
		}
	}
	return s, nil
}

// expression is the JSON patch as CEL. The pods of the benchmark have volumes and mounts, since
// the ServiceAccount admission plugin has given them some, and no init containers.
func (s *sidecar) expression() string {
	ops := []string{op("/spec/initContainers", "["+cel(s.container)+"]")}
	for i := range s.volumes {
		ops = append(ops, op("/spec/volumes/-", cel(s.volumes[i])))
	}
	for _, key := range slices.Sorted(maps.Keys(s.annotations)) {
		ops = append(ops, op("/metadata/annotations/"+strings.ReplaceAll(key, "/", "~1"), strconv.Quote(s.annotations[key])))
	}
	mount := cel(s.mount)
	each := fmt.Sprintf("lists.range(object.spec.containers.size()).map(i, JSONPatch{op: \"add\", path: \"/spec/containers/\" + string(i) + \"/volumeMounts/-\", value: %s})", mount)
	return "[" + strings.Join(ops, ",\n") + "] + " + each
}

func op(path, value string) string {
	return fmt.Sprintf("JSONPatch{op: \"add\", path: %q, value: %s}", path, value)
}

// cel writes an API object as a CEL literal.
func cel(object any) string {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // the types are the API's
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return literal(value)
}

func literal(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var members []string
		for key, member := range v {
			members = append(members, strconv.Quote(key)+": dyn("+literal(member)+")")
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	case []any:
		var elements []string
		for _, element := range v {
			elements = append(elements, "dyn("+literal(element)+")")
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case string:
		return strconv.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	panic(fmt.Sprintf("no literal for %T", value))
}
