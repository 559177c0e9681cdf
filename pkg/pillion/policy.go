// SPDX-License-Identifier: Apache-2.0

package pillion

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// A Policy says which helpers pods may request, and what the platform sets for them. It does
// not change and may be used by several goroutines at once.
type Policy struct{ compiled *inject.Policy }

// Name is the policy's metadata.name. Namespaces select the policy by it, with the label
// pillion.dev/policy.
func (p *Policy) Name() string { return p.compiled.Name }

// Hash identifies the policy's content, defaults included.
func (p *Policy) Hash() string { return p.compiled.Hash }

// A File is a policy file in memory.
type File struct {
	Name string // for error messages, such as a path
	Data []byte // YAML or JSON
}

// Builtin is the policy default that is in force when there are no policy files: it allows
// every helper, within limits.
func Builtin() *Policy { return &Policy{policy.Builtin()} }

// Load reads policies from files and directories, and returns them in the order of their
// names. Of a directory it reads each *.yaml, *.yml and *.json file, as a mounted ConfigMap
// holds them. Either all files are correct or the error says everything that is wrong, with
// the file and field; two policies of the same name and no policy at all are errors too.
func Load(paths ...string) ([]*Policy, error) {
	var all set
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			all.fail(fmt.Errorf("reading policies: %w", err))
		case info.IsDir():
			policies, err := policy.LoadDir(path)
			all.fail(err)
			for _, name := range slices.Sorted(maps.Keys(policies)) {
				all.add(path, policies[name])
			}
		default:
			p, err := policy.LoadFile(path)
			all.fail(err)
			all.add(path, p)
		}
	}
	return all.done()
}

// Parse is [Load] for files in memory, which may define helpers (kind: Helper) as well.
func Parse(files ...File) ([]*Policy, error) {
	list := make([]policy.File, 0, len(files))
	for _, file := range files {
		list = append(list, policy.File{Name: file.Name, Data: file.Data})
	}
	policies, errs := policy.Load(list)
	all := set{errs: errs}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		all.add(name, policies[name])
	}
	return all.done()
}

// set collects policies of different names, and all that is wrong.
type set struct {
	policies map[string]*inject.Policy
	from     map[string]string
	errs     []error
}

func (s *set) fail(err error) {
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// add takes a policy, or nil after a failure.
func (s *set) add(from string, p *inject.Policy) {
	switch {
	case p == nil:
	case s.policies[p.Name] != nil:
		s.fail(fmt.Errorf("policy file %s: metadata.name: the policy %q is in %s already; each policy needs its own name", from, p.Name, s.from[p.Name]))
	case s.policies == nil:
		s.policies, s.from = map[string]*inject.Policy{p.Name: p}, map[string]string{p.Name: from}
	default:
		s.policies[p.Name], s.from[p.Name] = p, from
	}
}

func (s *set) done() ([]*Policy, error) {
	if len(s.errs) == 0 && len(s.policies) == 0 {
		s.fail(errors.New("no policy: name at least one file; pillion.Builtin is the policy for no files"))
	}
	if err := errors.Join(s.errs...); err != nil {
		return nil, err
	}
	var all []*Policy
	for _, name := range slices.Sorted(maps.Keys(s.policies)) {
		all = append(all, &Policy{s.policies[name]})
	}
	return all, nil
}
