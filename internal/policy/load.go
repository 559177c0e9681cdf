// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// LoadFile reads one policy file, and the helpers that are defined in files beside it. The
// error names the file and every mistake in it.
func LoadFile(path string) (*inject.Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	known, err := Beside(path)
	if err != nil {
		return nil, err
	}
	p, err := ParseWith(data, known)
	if err != nil {
		return nil, fmt.Errorf("policy file %s: %w", path, err)
	}
	return p, nil
}

// LoadDir reads every *.yaml, *.yml and *.json file of a directory, as a mounted
// ConfigMap holds them, and returns the policies by name. It is all or nothing: one
// mistake in one file, a name used twice, or no policy at all is an error.
func LoadDir(dir string) (map[string]*inject.Policy, error) { return Defaults{}.LoadDir(dir) }

// LoadDir is [LoadDir] with these defaults.
func (d Defaults) LoadDir(dir string) (map[string]*inject.Policy, error) {
	files, err := readDir(dir)
	if err != nil {
		return nil, err
	}
	return d.loadAll("the policy directory "+dir, files)
}

// LoadData is [LoadDir] of a directory that would hold these files, such as one with the data
// of a ConfigMap.
func LoadData(data map[string]string) (map[string]*inject.Policy, error) {
	var files []File
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if isRead(name) {
			files = append(files, File{Name: name, Data: []byte(data[name])})
		}
	}
	return Defaults{}.loadAll("the policy directory", files)
}

// loadAll loads the files of a place, of which one at least has to be a policy.
func (d Defaults) loadAll(where string, files []File) (map[string]*inject.Policy, error) {
	policies, errs := d.Load(files)
	if len(errs) == 0 && len(policies) == 0 {
		what := ""
		if len(files) > 0 {
			what = " with a policy, only helpers, which no namespace can pick"
		}
		errs = append(errs, fmt.Errorf("%s has no .yaml, .yml or .json file%s", where, what))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return policies, nil
}

// isRead reports whether a file of this name is read. "..data" and its like are how the kubelet
// swaps a ConfigMap's content.
func isRead(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// File is a file of a policy or a helper.
type File struct {
	Name string
	Data []byte
	// Document is what is read, if it is not all of Data: a part of a file, with the lines of that
	// file. Data is then the same as a file of its own.
	Document *yamlv3.Node
}

// document is what is read of the file.
func (f *File) document(multiple string) (*yamlv3.Node, error) {
	if f.Document != nil {
		return f.Document, nil
	}
	return yamlstrict.Document(f.Data, multiple)
}

// Parse reads the policy of a file.
func (f *File) Parse(known *helper.Set) (*inject.Policy, error) {
	return Defaults{}.parseFile(f, known)
}

func (d Defaults) parseFile(f *File, known *helper.Set) (*inject.Policy, error) {
	if len(f.Data) > maxFile {
		return nil, fmt.Errorf("is %d bytes long; the limit is %d", len(f.Data), maxFile)
	}
	document, err := f.document("put each policy into a file of its own")
	if err != nil {
		return nil, err
	}
	return d.parse(document, known)
}

// definesHelper reports whether the file is a helper's. What is wrong with it is said when it is parsed.
func (f *File) definesHelper() bool {
	if f.Document != nil {
		kind := member(f.Document.Content[0], "kind")
		return kind != nil && kind.Value == defined.Kind
	}
	var head struct {
		Kind string `json:"kind"`
	}
	if yaml.Unmarshal(f.Data, &head) != nil { // perhaps a mistake further down
		return bytes.HasPrefix(f.Data, []byte("kind: "+defined.Kind+"\n")) || bytes.Contains(f.Data, []byte("\nkind: "+defined.Kind+"\n"))
	}
	return head.Kind == defined.Kind
}

// ParseHelper reads the helper that a file defines.
func (f *File) ParseHelper() (*helper.Helper, error) {
	if f.Document != nil {
		return defined.ParseDocument(f.Document, f.Data)
	}
	return defined.Parse(f.Data)
}

// DefinesHelper reports whether the file is a helper's and not a policy's.
func (f *File) DefinesHelper() bool { return f.definesHelper() }

// readDir reads the files of a directory that may be policies or helpers.
func readDir(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the policy directory: %w", err)
	}
	var files []File
	for _, e := range entries {
		if !isRead(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a policy: %w", err)
		}
		files = append(files, File{Name: path, Data: data})
	}
	return files, nil
}

// maxDefined is how many helpers a platform defines at most.
const maxDefined = 200

// withDefined are the built-in helpers and those that files define.
func withDefined(files []File) (*helper.Set, []error) {
	all := helpers.Builtin().All()
	from := map[string]string{}
	for _, h := range all {
		from[h.Name] = "a built-in helper"
	}
	var errs []error
	if len(files) > maxDefined {
		return helpers.Builtin(), []error{fmt.Errorf("there are %d files of kind Helper; the limit is %d", len(files), maxDefined)}
	}
	for _, f := range files {
		h, err := f.ParseHelper()
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("helper file %s: %w", f.Name, err))
		case from[h.Name] != "":
			errs = append(errs, fmt.Errorf("helper file %s: metadata.name: the name %q is taken by %s; give each helper its own name", f.Name, h.Name, from[h.Name]))
		default:
			from[h.Name] = filepath.Base(f.Name)
			all = append(slices.Clip(all), h)
		}
	}
	return helper.NewSet(all...), errs
}

// Load reads policies and the helpers that they list, whatever the order of the files. It is
// all or nothing; the errors name the files.
func Load(files []File) (map[string]*inject.Policy, []error) { return Defaults{}.Load(files) }

// Load is [Load] with these defaults.
func (d Defaults) Load(files []File) (map[string]*inject.Policy, []error) {
	var definitions, rest []File
	for _, f := range files {
		if f.definesHelper() {
			definitions = append(definitions, f)
		} else {
			rest = append(rest, f)
		}
	}
	known, errs := withDefined(definitions)
	broken := len(errs) > 0
	policies, from := map[string]*inject.Policy{}, map[string]string{}
	for _, f := range rest {
		p, err := d.parseFile(&f, known)
		switch {
		case err != nil && broken && strings.Contains(err.Error(), "the helpers of this version are"):
			// It may list a helper whose own file is wrong, which has been said.
		case err != nil:
			errs = append(errs, fmt.Errorf("policy file %s: %w", f.Name, err))
		case policies[p.Name] != nil:
			errs = append(errs, fmt.Errorf("policy file %s: metadata.name: the policy %q is in %s already; give each its own name", f.Name, p.Name, from[p.Name]))
		default:
			policies[p.Name], from[p.Name] = p, filepath.Base(f.Name)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return policies, nil
}

// Beside are the built-in helpers and those that files beside the policy at path define.
func Beside(path string) (*helper.Set, error) {
	files, err := readDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return Helpers(slices.DeleteFunc(files, func(f File) bool { return f.Name == path }))
}

// Helpers are the built-in helpers and those that files define.
func Helpers(files []File) (*helper.Set, error) {
	known, errs := withDefined(slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !f.definesHelper() }))
	return known, errors.Join(errs...)
}

// HelpersAt are the built-in helpers and those that a file, or the files of a directory, define.
func HelpersAt(path string) (*helper.Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading a helper: %w", err)
	}
	var files []File
	if info.IsDir() {
		if files, err = readDir(path); err != nil {
			return nil, err
		}
	} else {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a helper: %w", err)
		}
		files = []File{{Name: path, Data: data}}
	}
	return Helpers(files)
}

// DefinesHelper reports whether a file is a helper's and not a policy's.
func DefinesHelper(data []byte) bool { return (&File{Data: data}).definesHelper() }
