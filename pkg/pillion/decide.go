// SPDX-License-Identifier: Apache-2.0

package pillion

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"gomodules.xyz/jsonpatch/v2"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/version"
)

// Result is the outcome of a decision in one word.
type Result string

// The results of [Policy.Decide].
const (
	Injected  Result = Result(reason.Injected)  // helpers are added, or replaced by what the policy says now
	Unchanged Result = Result(reason.Unchanged) // the pod has everything already
	Skipped   Result = Result(reason.Skipped)   // the pod is admitted without helpers
	Denied    Result = Result(reason.Denied)    // the pod is not admitted
)

// A Decision says what becomes of a pod, or of the pods of a workload.
type Decision struct {
	Result Result
	// Reason is one of a closed set of words, the same as in metrics, logs and the
	// annotation pillion.dev/status, such as Requested or ValueNotAllowed.
	Reason string
	// Message says why the pod is denied and what would be right: one sentence, or a
	// numbered list. It is empty unless Result is Denied.
	Message string
	// Warnings are for the author of the object, each at most 120 characters long.
	Warnings []string
	// Helpers are those that the pod has once the patch is applied.
	Helpers []Helper
	// Patch is to be applied to the object in its order; empty if nothing changes. Each
	// value marshals to JSON.
	Patch []jsonpatch.Operation
	// Object is the object with the patch applied, as JSON. What the patch does not touch
	// is what was given, byte for byte if that was JSON.
	Object []byte
}

// A Helper is one that a pod has or gets.
type Helper struct {
	Name       string   // such as git-poller
	Instance   string   // if the pod names several instances of the helper
	Container  string   // its init container or sidecar; empty if it needs none
	Volumes    []string // that it adds
	Settings   []string // of the pod or its containers that it sets
	Containers []string // the containers of the app that take part
	Reason     string   // Requested, Required or ByDefault
}

// Decide applies the policy to a Pod, or to the pod template of a Deployment, StatefulSet,
// DaemonSet, ReplicaSet, ReplicationController, Job or CronJob, given as one document of
// YAML or JSON. The answer is the one that the webhook gives for the pod, and like the
// webhook it checks that applying the patch leaves nothing to do.
//
// A denial is a decision. An error means that the object cannot be read or is of another
// kind, or a fault in Pillion.
func (p *Policy) Decide(object []byte) (*Decision, error) {
	document, err := one(object)
	if err != nil {
		return nil, err
	}
	kind, at, err := templateIn(document)
	if err != nil {
		return nil, err
	}
	out, err := admission.Inject(inject.Injector{Version: version.String()}, p.compiled, document, at)
	if err != nil {
		return nil, fmt.Errorf("deciding on the %s: %w", kind, err)
	}
	d := &Decision{
		Result: Result(out.Result), Reason: string(out.Reason), Warnings: out.Warnings,
		Patch: out.Operations, Object: out.Patched,
	}
	if out.Result == reason.Denied {
		d.Message = out.Message()
	}
	for _, h := range out.Helpers {
		d.Helpers = append(d.Helpers, Helper{
			Name: h.Helper, Instance: h.Instance, Container: h.Container, Volumes: h.Volumes,
			Settings: h.Settings, Containers: h.Containers, Reason: string(h.Reason),
		})
	}
	if kind != "Pod" {
		misplaced, err := admission.Misplaced(p.compiled.Known, document, kind)
		if err != nil {
			return nil, fmt.Errorf("deciding on the %s: %w", kind, err)
		}
		d.Warnings = append(misplaced, d.Warnings...)
	}
	return d, nil
}

// one is the only document of an input, as JSON.
func one(input []byte) ([]byte, error) {
	if json.Valid(input) {
		return input, nil // as it is, so that the rest of it can stay as it is
	}
	var found []byte
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(input))); ; {
		text, err := reader.Read()
		switch {
		case errors.Is(err, io.EOF) && found == nil:
			return nil, errors.New("the input has no object")
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, fmt.Errorf("reading YAML: %w", err)
		}
		// The strict reader takes a key that overrides a merged one for one that is there twice.
		toJSON := yaml.YAMLToJSONStrict
		if bytes.Contains(text, []byte("<<:")) {
			toJSON = yaml.YAMLToJSON
		}
		document, err := toJSON(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading YAML: %w", err)
		case string(document) == "null": // what templates leave
		case found != nil:
			return nil, errors.New("the input has more than one object; decide on them one by one")
		default:
			found = document
		}
	}
}

// templateIn is the kind of an object, and where it holds its pod.
func templateIn(document []byte) (kind string, at admission.Template, err error) {
	var object struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(document, &object); err != nil {
		return "", at, errors.New("the input is not a Kubernetes object: it must be a mapping with apiVersion and kind")
	}
	kinds := map[string][]string{
		"v1":       {"Pod", "ReplicationController"},
		"apps/v1":  {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"},
		"batch/v1": {"Job", "CronJob"},
	}
	at, ok := admission.TemplateOf(object.Kind)
	if !ok || !slices.Contains(kinds[object.APIVersion], object.Kind) {
		return "", at, fmt.Errorf("got apiVersion %q, kind %q; expected one of v1 %v, apps/v1 %v, batch/v1 %v",
			object.APIVersion, object.Kind, kinds["v1"], kinds["apps/v1"], kinds["batch/v1"])
	}
	return object.Kind, at, nil
}
