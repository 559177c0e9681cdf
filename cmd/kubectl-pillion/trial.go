// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/gitargs"
	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// collect injects all objects of the files and finds the git-pollers. It reports whether a pod
// was denied, and says why.
func (t *trial) collect(ctx context.Context, documents []*document, errOut io.Writer) (denied bool, err error) {
	if t.policies.Assumed {
		fmt.Fprintf(errOut, "warning: the policies of the cluster are not known: %s; the built-in policy stands in for them\n", t.policies.Why)
	}
	for _, d := range documents {
		objects, err := d.objects()
		if err != nil {
			return false, fmt.Errorf("%s: %w", d.source, err)
		}
		for i := range objects {
			o := &objects[i]
			r, err := explain.Explain(injector(), explain.Object{
				Kind: o.kind, Name: o.name, Namespace: o.namespace, Source: d.source, Document: d.json, At: o.at,
			}, t.policies, t.of(ctx, o, errOut))
			if err != nil {
				return false, fmt.Errorf("%s: %w", d.source, err)
			}
			if r.Result == reason.Denied {
				fmt.Fprintf(errOut, "error: %s: %s\n", o.label(d), strings.Join(r.Problems, "; "))
				denied = true
				continue
			}
			if err := t.add(d, o, r.Injected); err != nil {
				return false, err
			}
		}
	}
	return denied, nil
}

// of is what is known of an object's namespace.
func (t *trial) of(ctx context.Context, o *object, errOut io.Writer) *explain.Cluster {
	if t.cluster == nil || t.namespaces[o.namespace] != nil {
		return t.namespaces[o.namespace]
	}
	c := t.cluster.namespace(ctx, cmp.Or(o.namespace, t.namespace))
	for _, text := range c.NotRead {
		fmt.Fprintf(errOut, "warning: could not read %s\n", text)
	}
	t.namespaces[o.namespace] = c
	return c
}

// add adds the git-pollers of an injected pod.
func (t *trial) add(d *document, o *object, injected []byte) error {
	raw, err := o.at.Find(injected)
	var p corev1.Pod
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.label(d), err)
	}
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; isPoller(c.Name) {
			t.trials = append(t.trials, tryPoller{o, d.source, &p.Spec, c})
		}
	}
	return nil
}

// oneSecret sees to it that --auth-dir can mean one Secret only.
func (t *trial) oneSecret() error {
	if t.authDir == "" {
		return nil
	}
	var names []string
	for i := range t.trials {
		r, err := gitargs.Read(t.trials[i].container.Args)
		if err != nil {
			return err
		}
		if volume, _ := t.trials[i].mounted(r.AuthDir); volume != nil && volume.Secret != nil {
			names = append(names, volume.Secret.SecretName)
		}
	}
	slices.Sort(names)
	switch names = slices.Compact(names); len(names) {
	case 0:
		return errors.New("--auth-dir: no git-poller of these files has a Secret")
	case 1:
		return nil
	}
	return fmt.Errorf("--auth-dir stands in for one Secret, and these git-pollers have several: %s; put them into a file and name it with -f", strings.Join(names, ", "))
}

// tried is how one trial ended.
type tried struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
	Source    string `json:"source"`
	Container string `json:"container"`
	Repo      string `json:"repo,omitempty"`
	Ref       string `json:"ref,omitempty"`
	Subdir    string `json:"subdir,omitempty"`

	Result   string   `json:"result"` // published, failed or unknown
	Reason   string   `json:"reason,omitempty"`
	Message  string   `json:"message,omitempty"`
	Commit   string   `json:"commit,omitempty"`
	Files    int      `json:"files"`
	MaxFiles int      `json:"maxFiles,omitempty"`
	Bytes    int64    `json:"bytes"`
	MaxBytes int64    `json:"maxBytes,omitempty"`
	Received int64    `json:"received"`
	Seconds  float64  `json:"seconds"`
	Warnings []string `json:"warnings,omitempty"`
}

// try fetches what a git-poller would fetch first. An error is none of the git-poller's.
func (t *trial) try(ctx context.Context, p *tryPoller) (tried, error) {
	result := tried{Kind: p.object.kind, Name: p.object.name, Namespace: p.object.namespace, Source: p.source, Container: p.container.Name}
	if slices.Equal(p.container.Command, []string{"/git-sync"}) {
		result.Result, result.Message = notKnown, "the policy has the engine git-sync, a program of its own, so nothing was fetched"
		return result, nil
	}
	request, err := gitargs.Read(p.container.Args)
	if err != nil {
		return result, fmt.Errorf("%s/%s: the command line of %s: %w", result.Kind, result.Name, result.Container, err)
	}
	result.Repo, result.Ref, result.Subdir = request.Repo, request.Ref, request.Subdir
	result.MaxFiles, result.MaxBytes = request.MaxFiles, request.MaxBytes
	root, err := os.MkdirTemp("", "pillion-try-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(root)
	request.Dir = filepath.Join(root, "volume")
	if err := os.Mkdir(request.Dir, 0o700); err != nil {
		return result, err
	}
	if problem := t.equip(ctx, root, p, &request); problem != nil {
		result.Result, result.Message = problem.result, problem.text
		return result, nil
	}
	began := time.Now()
	timed, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	fetched, err := gitfetch.Fetch(timed, request)
	if ctx.Err() != nil {
		return result, errors.New("interrupted")
	}
	result.Seconds = time.Since(began).Seconds()
	result.ends(&fetched, err, root)
	return result, nil
}

// ends takes over how the fetch ended. Paths below root are those of the container.
func (r *tried) ends(fetched *gitfetch.Result, err error, root string) {
	e, failed := errors.AsType[*gitfetch.Error](err)
	if !failed {
		r.Result, r.Commit, r.Files, r.Bytes, r.Received = wouldPublish, fetched.Commit, fetched.Files, fetched.Bytes, fetched.Received
		if n := fetched.LFSPointers; n > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("the content of git LFS is not fetched; files that are only pointers to it: %d", n))
		}
		if n := fetched.Submodules; n > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("the content of submodules is in other repositories, and is not fetched; directories that would be empty: %d", n))
		}
		return
	}
	r.Result, r.Reason, r.Message, r.Commit = wouldFail, string(e.Reason), strings.ReplaceAll(e.Message, root, ""), e.Commit
	switch e.Reason {
	case gitfetch.Local, gitfetch.NoSpace: // ours, not the pod's
		r.Result = notKnown
	case gitfetch.Unreachable, gitfetch.UntrustedHost, gitfetch.TimedOut:
		r.Warnings = append(r.Warnings, "this was tried from here; the pod may reach other servers, or the same ones in another way")
	default:
	}
}

// triedText writes results for a person.
func triedText(b *strings.Builder, all []tried) {
	for i := range all {
		r := &all[i]
		if i > 0 {
			b.WriteString("\n")
		}
		of := ""
		if r.Namespace != "" {
			of = " of namespace " + r.Namespace
		}
		fmt.Fprintf(b, "%s %s/%s%s (%s): %s\n", mark(r.Result == wouldPublish), r.Kind, r.Name, of, r.Source, r.Container)
		if r.Repo != "" {
			fmt.Fprintf(b, "  repository: %s, ref %s", r.Repo, r.Ref)
			if r.Subdir != "" {
				fmt.Fprintf(b, ", directory %s", r.Subdir)
			}
			b.WriteString("\n")
		}
		switch r.Result {
		case wouldPublish:
			fmt.Fprintf(b, "  commit:     %s\n  content:    %d files, %d bytes (limits: %d files and directories, %s)\n  fetched:    %d bytes in %s\n",
				r.Commit, r.Files, r.Bytes, r.MaxFiles, inBytes(r.MaxBytes), r.Received, time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond))
		case wouldFail:
			fmt.Fprintf(b, "  the first checkout would fail: %s\n", r.why())
		case notKnown:
			fmt.Fprintf(b, "  not known: %s\n", r.why())
		}
		for _, w := range r.Warnings {
			fmt.Fprintf(b, "  warning: %s\n", w)
		}
	}
}

func (r *tried) why() string {
	if r.Reason == "" {
		return r.Message
	}
	return r.Reason + ": " + r.Message
}
