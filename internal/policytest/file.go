// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// Kind is what every file of tests says that it is; its apiVersion is that of policies.
const Kind = "PolicyTest"

// File is a table of tests.
type File struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	// Policy is the file of the policy that is tested, relative to this one.
	Policy string `yaml:"policy"`
	Cases  []Case `yaml:"cases"`
}

// Case is one row.
type Case struct {
	Name string `yaml:"name"`
	// What is decided on: Pod, or File, a manifest relative to this file of which every
	// pod and workload counts; without either a pod with one container, "app". The
	// annotations are put on top of a pod's own; a manifest takes none.
	Pod         yamlv3.Node       `yaml:"pod"`
	File        string            `yaml:"file"`
	Annotations map[string]string `yaml:"annotations"`
	Want        Want              `yaml:"want"`

	pod []byte // JSON
}

// Want is what is expected. What is left out is not compared, but for the result.
type Want struct {
	Result reason.Result `yaml:"result"`
	Reason reason.Reason `yaml:"reason"`
	// Helpers are exactly those that the pod has in the end: git-poller, or
	// docs.git-poller for an instance.
	Helpers *[]string `yaml:"helpers"`
	// Values are what options come to, by annotation key.
	Values map[string]string `yaml:"values"`
	// Message is a part of the text of the denial.
	Message string `yaml:"message"`
}

// Parse reads a file of tests, strictly. The error names every mistake, with its line.
func Parse(data []byte) (*File, error) {
	if _, err := yamlstrict.Document(data, "put each table into a file of its own"); err != nil {
		return nil, err
	}
	var f File
	decoder := yamlv3.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	switch err := decoder.Decode(&f); {
	case err != nil && f.Kind != "" && f.Kind != Kind: // something else has other fields; they are not what is wrong
		return nil, f.checkKind()
	case err != nil:
		return nil, mistakes(err)
	}
	return &f, f.check()
}

var (
	unknownField = regexp.MustCompile(`^line (\d+): field (.+) not found in type `)
	wrongType    = regexp.MustCompile("^line (\\d+): cannot unmarshal (?:!!\\S+ )?(?:`.*` )?into (.+)$")
)

// mistakes says in a file's words what the decoder says in Go's.
func mistakes(err error) error {
	var wrong *yamlv3.TypeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("is not YAML: %w", err)
	}
	var all []error
	for _, text := range wrong.Errors {
		if m := unknownField.FindStringSubmatch(text); m != nil {
			all = append(all, fmt.Errorf("line %s: unknown field %q%s", m[1], m[2], didYouMean(m[2], fieldNames())))
		} else if m := wrongType.FindStringSubmatch(text); m != nil {
			all = append(all, fmt.Errorf("line %s: must be %s", m[1], expected(m[2])))
		} else {
			all = append(all, errors.New(text))
		}
	}
	return errors.Join(all...)
}

func expected(goType string) string {
	switch {
	case strings.HasPrefix(goType, "map"), strings.HasPrefix(goType, "policytest."):
		return "a mapping"
	case strings.Contains(goType, "[]"):
		return "a list"
	}
	return "a string"
}

func fieldNames() []string {
	var names []string
	for _, t := range []reflect.Type{reflect.TypeFor[File](), reflect.TypeFor[Case](), reflect.TypeFor[Want]()} {
		for f := range t.Fields() {
			if name := f.Tag.Get("yaml"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

func (f *File) checkKind() error {
	if f.APIVersion != policy.APIVersion || f.Kind != Kind {
		return fmt.Errorf("apiVersion %q, kind %q: must be %s, %s", f.APIVersion, f.Kind, policy.APIVersion, Kind)
	}
	return nil
}

// check finds what is wrong with the table itself, so that a typo in a reason
// is not taken for a policy that fails.
func (f *File) check() error {
	var errs []error
	if err := f.checkKind(); err != nil {
		errs = append(errs, err)
	}
	if len(f.Cases) == 0 {
		errs = append(errs, errors.New("cases: there is none, so nothing would be tested"))
	}
	seen := map[string]bool{}
	for i := range f.Cases {
		c := &f.Cases[i]
		at := fmt.Sprintf("cases[%d]", i)
		if c.Name == "" {
			errs = append(errs, fmt.Errorf("%s.name: is missing; say in a sentence what is expected", at))
		} else {
			at = fmt.Sprintf("case %q", c.Name)
		}
		if seen[c.Name] && c.Name != "" {
			errs = append(errs, fmt.Errorf("%s: the name is there twice", at))
		}
		seen[c.Name] = true
		errs = append(errs, c.check(at)...)
	}
	return errors.Join(errs...)
}

func (c *Case) check(at string) []error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(at+": "+format, args...)) }
	var results, reasons []string
	for _, doc := range reason.All() {
		if doc.Result != reason.Failed {
			reasons = append(reasons, string(doc.Reason))
			results = append(results, string(doc.Result))
		}
	}
	slices.Sort(results)
	results = slices.Compact(results)
	switch result := string(c.Want.Result); {
	case result == "":
		wrong("want.result: is missing; it is one of %s", strings.Join(results, ", "))
	case !slices.Contains(results, result):
		wrong("want.result: %q is none; it is one of %s", result, strings.Join(results, ", "))
	}
	if why := string(c.Want.Reason); why != "" && !slices.Contains(reasons, why) {
		wrong("want.reason: there is no reason %q%s", why, didYouMean(why, reasons))
	}
	if c.File != "" && (c.Pod.Kind != 0 || len(c.Annotations) > 0) {
		wrong("file: a manifest is taken as it is; remove pod and annotations, or file")
	}
	if c.File == "" {
		var err error
		if c.pod, err = c.podJSON(); err != nil {
			wrong("pod: %w", err)
		}
		for _, one := range wrongTypes(c.pod) {
			wrong("pod.%s: %s", one.Path, one.Text(fmt.Sprint(one.Value)))
		}
	}
	return errs
}

// wrongTypes are the values of a pod that the API server does not decode, such as a boolean for an
// annotation.
func wrongTypes(pod []byte) []yamlstrict.WrongType {
	decoder := json.NewDecoder(bytes.NewReader(pod))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return slices.DeleteFunc(yamlstrict.WrongTypes(value, reflect.TypeFor[corev1.Pod](), nil), func(w yamlstrict.WrongType) bool { return w.Value == nil })
}

// podJSON is the pod of a case with its annotations on it.
func (c *Case) podJSON() ([]byte, error) {
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "test"}, "spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "app"}},
	}}
	if c.Pod.Kind != 0 {
		text, err := yamlv3.Marshal(&c.Pod)
		if err != nil {
			return nil, err
		}
		clear(pod)
		if err := yaml.UnmarshalStrict(text, &pod); err != nil {
			return nil, err
		}
		if _, ok := pod["spec"].(map[string]any); !ok {
			return nil, errors.New("must be a whole pod, with a spec")
		}
	}
	if len(c.Annotations) == 0 {
		return json.Marshal(pod)
	}
	metadata, _ := pod["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
	}
	for key, value := range c.Annotations {
		annotations[key] = value
	}
	metadata["annotations"], pod["metadata"] = annotations, metadata
	return json.Marshal(pod)
}

// checkKeys finds values of options that no helper of the policy has.
func (f *File) checkKeys(known *helper.Set) error {
	var errs []error
	for i := range f.Cases {
		c := &f.Cases[i]
		for _, key := range slices.Sorted(maps.Keys(c.Want.Values)) {
			if !isOption(known, key) {
				errs = append(errs, fmt.Errorf("case %q: want.values: %q is not the key of an option", c.Name, key))
			}
		}
	}
	return errors.Join(errs...)
}

// isOption reports whether an annotation key is that of an option.
func isOption(known *helper.Set, key string) bool {
	prefix, name, _ := strings.Cut(key, "/")
	owner, found := strings.CutSuffix(prefix, "."+helper.Domain)
	h := known.Find(owner[strings.LastIndexByte(owner, '.')+1:])
	return found && h != nil && h.Option(name) != nil
}

func didYouMean(text string, candidates []string) string {
	if near := nearmiss.Nearest(text, candidates); near != "" && near != text {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
