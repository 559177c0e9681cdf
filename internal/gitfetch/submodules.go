// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxModules is how many submodules of a commit are fetched at most.
	maxModules = 100
	// maxGitmodules is the largest .gitmodules that is read, in bytes.
	maxGitmodules = 256 << 10
)

// module is a submodule of the commit, and where its content comes from.
type module struct {
	entry  *entry
	repo   endpoint
	barred bool // the policy does not send the credentials there
}

// locateModules finds where the submodules come from. None may come from where no pattern of
// the request leads: their URLs are the repository's, and nobody else has seen them.
func (f *fetcher) locateModules(t *treeReader, root plumbing.Hash) ([]module, error) {
	if len(f.Submodules) == 0 || len(t.modules) == 0 {
		return nil, nil
	}
	if len(t.modules) > maxModules {
		return nil, failf(TooLarge, "the commit has %d submodules, and %d can be fetched", len(t.modules), maxModules)
	}
	allowed, err := parsePatterns(f.Submodules)
	if err != nil {
		return nil, err
	}
	secretFor, err := parsePatterns(f.SecretFor)
	if err != nil {
		return nil, err
	}
	urls, err := t.readGitmodules(root)
	if err != nil {
		return nil, err
	}
	var all []module
	for _, e := range t.modules {
		at := t.wayTo(e.parent).down(e.name, e.hash).path() // in the repository, as .gitmodules has it
		text, ok := urls[at]
		if !ok {
			return nil, failf(Refused, "the commit's submodule %s has no URL in .gitmodules", foreign(at))
		}
		repo, err := parseRepo(f.resolve(text))
		switch {
		case err != nil || repo.Scheme == "ssh":
			return nil, failf(Refused, "the commit's submodule %s has the URL %s, and only those with https:// or relative ones are fetched", foreign(at), foreign(text))
		case !allowed.cover(repo.URL, false):
			return nil, failf(Refused, "the commit's submodule %s comes from %s, which the policy does not allow", foreign(at), foreign(repo.Scheme+"://"+repo.Host+repo.EscapedPath()))
		}
		all = append(all, module{e, repo, len(secretFor) > 0 && !secretFor.cover(repo.URL, false)})
	}
	return all, nil
}

// resolve makes a URL of one that is relative to the repository's own (git-submodule(1), "add").
func (f *fetcher) resolve(text string) string {
	if !strings.HasPrefix(text, "./") && !strings.HasPrefix(text, "../") {
		return text
	}
	u := *f.endpoint.URL
	u.Path, u.RawPath = path.Join(u.Path, text), "" // a repository's name is a directory here, so that ../ leads to those beside it
	return u.String()
}

// readGitmodules returns the URLs of .gitmodules by their paths.
func (t *treeReader) readGitmodules(root plumbing.Hash) (map[string]string, error) {
	e, err := t.pack.lookup(root, ".gitmodules", t.keep)
	if err != nil || e == nil {
		return nil, err
	}
	i, err := t.pack.find(e.hash, plumbing.BlobObject)
	if err != nil {
		return nil, err
	}
	t.keep[i] = true
	content, err := t.pack.read(i, maxGitmodules)
	return parseGitmodules(string(content)), err
}

// parseGitmodules reads sections of path and url. What is written in another way than git
// writes it is left out, and then a submodule has no URL.
func parseGitmodules(text string) map[string]string {
	urls, section := map[string]string{}, map[string]string{}
	for line := range strings.Lines(text + "\n[") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			if section["path"] != "" && section["url"] != "" {
				urls[section["path"]] = section["url"]
			}
			section = map[string]string{}
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		if quoted, found := strings.CutPrefix(value, `"`); found && strings.HasSuffix(quoted, `"`) {
			value = quoted[:len(quoted)-1]
		}
		if !strings.ContainsAny(value, `"\`) {
			section[strings.ToLower(strings.TrimSpace(key))] = value
		}
	}
	return urls
}

// fetchModules puts the content of submodules into their directories. It comes without history,
// and without submodules of its own.
func (f *fetcher) fetchModules(ctx context.Context, root *os.Root, modules []module, t *treeReader, into *Result) error {
	const dir = "module"
	for _, m := range modules {
		if err := root.Mkdir(dir, 0o700); err != nil {
			return err
		}
		var s Session
		result, err := s.fetch(ctx, f.moduleRequest(m, filepath.Join(f.Dir, dir), t), f.timeouts)
		if err != nil {
			return moduleError(m.entry.path(), err)
		}
		at := "tree/" + m.entry.path() // an empty directory
		if err := root.Remove(at); err != nil {
			return err
		}
		if err := root.Rename(dir+"/tree", at); err != nil {
			return err
		}
		if err := root.RemoveAll(dir); err != nil {
			return err
		}
		t.disk, t.files = t.disk+s.disk, t.files+s.entries
		into.Files, into.Bytes, into.Received = into.Files+result.Files, into.Bytes+result.Bytes, into.Received+result.Received
		into.LFSPointers += result.LFSPointers
		into.Submodules += result.Submodules - 1
	}
	return nil
}

// moduleRequest asks for what the budgets have left, with the credentials only where the
// repository itself is.
func (f *fetcher) moduleRequest(m module, dir string, t *treeReader) Request {
	r := f.Request
	r.Repo, r.Ref, r.Depth, r.Subdir, r.Dir = m.repo.String(), m.entry.hash.String(), 1, "", dir
	r.Have, r.Published, r.Kept, r.Bad, r.Keep = "", "", "", "", false
	r.MaxBytes, r.MaxFiles = max(1, f.MaxBytes-t.disk), max(1, f.MaxFiles-t.files)
	r.Redirects, r.Submodules, r.Token = f.Submodules, nil, f.token
	if m.barred || m.repo.Scheme != f.endpoint.Scheme || m.repo.address() != f.endpoint.address() {
		r.Auth, r.AuthDir, r.Token = AuthNone, "", nil
	}
	return r
}

func moduleError(path string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	return failf(e.Reason, "the submodule %s: %s", foreign(path), e.Message)
}
