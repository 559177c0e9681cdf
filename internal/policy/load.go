// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// maxFile bounds the size of a policy file in bytes; a ConfigMap holds no more.
const maxFile = 1 << 20

// Builtin is the policy in force when no file is given.
func Builtin() *inject.Policy {
	p, err := compile(builtin(helpers.Builtin()), helpers.Builtin())
	if err != nil {
		panic(fmt.Sprintf("the built-in policy: %v", err)) // a test compiles it
	}
	return p
}

// LoadFile reads one policy file. The error names the file and every mistake in it.
func LoadFile(path string) (*inject.Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	p, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("policy file %s: %w", path, err)
	}
	return p, nil
}

// LoadDir reads every *.yaml, *.yml and *.json file of a directory, as a mounted
// ConfigMap holds them, and returns the policies by name. It is all or nothing: one
// mistake in one file, a name used twice, or no file at all is an error.
func LoadDir(dir string) (map[string]*inject.Policy, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the policy directory: %w", err)
	}
	policies := map[string]*inject.Policy{}
	from := map[string]string{}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		// "..data" and its like are how the kubelet swaps a ConfigMap's content.
		if strings.HasPrefix(name, ".") || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) {
			continue
		}
		p, err := LoadFile(filepath.Join(dir, name))
		switch {
		case err != nil:
			errs = append(errs, err)
		case policies[p.Name] != nil:
			errs = append(errs, fmt.Errorf("policy file %s: metadata.name: the policy %q is in %s already; give each its own name", filepath.Join(dir, name), p.Name, from[p.Name]))
		default:
			policies[p.Name], from[p.Name] = p, name
		}
	}
	if len(errs) == 0 && len(policies) == 0 {
		errs = append(errs, fmt.Errorf("the policy directory %s has no .yaml, .yml or .json file", dir))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return policies, nil
}

// Parse reads a policy from YAML or JSON.
func Parse(data []byte) (*inject.Policy, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("is %d bytes long; the limit is %d", len(data), maxFile)
	}
	document, err := yamlstrict.Document(data, "put each policy into a file of its own")
	if err != nil {
		return nil, err
	}
	if err := emptyFields(document); err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, fmt.Errorf("is not a policy: %w", err)
	}
	var p InjectionPolicy
	// Case-sensitive, unlike encoding/json: "Helpers" beside "helpers" must not be merged.
	strict, err := kjson.UnmarshalStrict(asJSON, &p)
	wrong := (*json.UnmarshalTypeError)(nil)
	if (errors.As(err, &wrong) || len(strict) > 0) && p.Kind != "" && p.Kind != Kind {
		// Something else has other fields; they are not what is wrong.
		return nil, field.NotSupported(field.NewPath("kind"), p.Kind, []string{Kind})
	}
	if wrong != nil {
		return nil, wrongType(wrong)
	}
	if err != nil {
		return nil, fmt.Errorf("is not a policy: %w", err)
	}
	if len(strict) > 0 {
		return nil, unknownFields(data, strict)
	}
	return compile(&p, helpers.Builtin())
}

// wrongType says in a file's words what the decoder says in Go's.
func wrongType(err *json.UnmarshalTypeError) error {
	got := err.Value
	if word, _, _ := strings.Cut(err.Value, " "); jsonKinds[word] != "" { // "number 5.5"
		got = jsonKinds[word] + strings.TrimPrefix(err.Value, word)
	}
	switch err.Type.Kind() {
	case reflect.String:
		if strings.HasPrefix(err.Value, "array") || strings.HasPrefix(err.Value, "object") {
			return fmt.Errorf("%s: expected a text, got %s", err.Field, got)
		}
		return fmt.Errorf("%s: expected a text, got %s; put it into quotes", err.Field, got)
	case reflect.Int64:
		return fmt.Errorf("%s: expected a whole number, got %s", err.Field, got)
	case reflect.Slice:
		return fmt.Errorf("%s: expected a list, got %s", err.Field, got)
	}
	return fmt.Errorf("%s: expected a mapping, got %s", err.Field, got)
}

// jsonKinds are the words of a YAML file for what the decoder names in those of JSON.
var jsonKinds = map[string]string{
	"array": "a list", "object": "a mapping", "string": "a text", "number": "a number", "bool": "a boolean",
}

// compile fills in defaults, validates and compiles. All mistakes are in the error.
func compile(p *InjectionPolicy, known *helper.Set) (*inject.Policy, error) {
	withDefaults(p, known)
	out, errs := validate(p, known)
	if len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	canonical, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("writing the canonical form: %w", err)
	}
	sum := sha256.Sum256(canonical)
	out.Hash = "sha256:" + hex.EncodeToString(sum[:6])
	return out, nil
}
