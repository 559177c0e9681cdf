// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// page is the index page of a version.
func page(version int) string { return fmt.Sprintf("<h1>Version %d</h1>\n", version) }

const web = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    git-poller.pillion.dev/repo: %s
    git-poller.pillion.dev/period: 1s
    git-poller.pillion.dev/mount-path: /usr/share/nginx/html
    git-poller.pillion.dev/notify: %s
spec:
  containers:
  - name: nginx
    image: nginx:1.29
`

const wrong = `apiVersion: apps/v1
kind: Deployment
metadata: {name: site}
spec:
  selector: {matchLabels: {app: site}}
  template:
    metadata:
      labels: {app: site}
      annotations:
        git-poller.pillion.dev/repo: https://github.com/acme/site.git
        git-poller.pillion.dev/perod: 1m
        git-poller.pillion.dev/mount-path: /usr/share/nginx/html
    spec:
      containers:
      - {name: nginx, image: "nginx:1.29"}
`

const shop = `apiVersion: v1
kind: Pod
metadata:
  name: shop
  annotations:
    log-shipper.pillion.dev/mount-path: /var/log/app
    log-shipper.pillion.dev/files: "*.log"
spec:
  containers:
  - {name: shop, image: "registry.acme.example/shop:1.4"}
`

// writeFiles writes what the demo applies, and the policies: those of examples/helpers, which also
// allow a git-poller to read from the demo's git server.
func (d *demo) writeFiles(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/pillion-dev/pillion").Output()
	if err != nil {
		return fmt.Errorf("the demo has to run inside the repository: %w", err)
	}
	from := filepath.Join(strings.TrimSpace(string(out)), "examples", "helpers", "policies")
	if err := os.CopyFS(d.path("policies"), os.DirFS(from)); err != nil {
		return err
	}
	file := d.path("policies/default.yaml")
	policy, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const helpers = "\n  helpers:\n"
	before, after, found := strings.Cut(string(policy), helpers)
	if !found {
		return fmt.Errorf("%s has no helpers to add one to", filepath.Join(from, "default.yaml"))
	}
	poller := fmt.Sprintf("    git-poller: {options: {repo: {allow: [%q]}, period: {min: 1s}}}\n", "http://"+d.git.address+"/*")
	return errors.Join(
		os.Mkdir(d.path("bin"), 0o755),
		os.WriteFile(file, []byte(before+helpers+poller+after), 0o600),
		os.WriteFile(d.path("web.yaml"), fmt.Appendf(nil, web, d.git.url(), d.app.notifyURL()), 0o600),
		os.WriteFile(d.path("wrong.yaml"), []byte(wrong), 0o600),
		os.WriteFile(d.path("shop.yaml"), []byte(shop), 0o600),
	)
}

// firstCommit makes the repository and its clone.
func (d *demo) firstCommit(ctx context.Context) error {
	for _, command := range [][]string{
		{"git", "init", "-q", "--bare", "--initial-branch=main", "git/site.git"},
		{"git", "clone", "-q", d.git.url(), "site"},
	} {
		if out, err := d.exec(ctx, command...); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	if err := os.WriteFile(d.path("site/index.html"), []byte(page(1)), 0o600); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"git", "-C", "site", "add", "index.html"},
		{"git", "-C", "site", "commit", "-qm", "Version 1"},
		{"git", "-C", "site", "push", "-q"},
	} {
		if out, err := d.exec(ctx, command...); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	return nil
}

// commit pushes a version of the page and returns the commit's hash.
func (d *demo) commit(ctx context.Context, version int) (string, error) {
	if err := os.WriteFile(d.path("site/index.html"), []byte(page(version)), 0o600); err != nil {
		return "", err
	}
	if _, err := d.run(ctx, "git", "-C", "site", "commit", "-qam", fmt.Sprintf("Version %d", version)); err != nil {
		return "", err
	}
	if _, err := d.run(ctx, "git", "-C", "site", "push", "-q"); err != nil {
		return "", err
	}
	return d.head(ctx)
}

// head is the hash of the latest commit.
func (d *demo) head(ctx context.Context) (string, error) {
	hash, err := d.exec(ctx, "git", "-C", "site", "rev-parse", "HEAD")
	return strings.TrimSpace(hash), err
}

// failedPoll is the first line of git-poller's log that reports a failure, in short. It has to
// say that this commit is still published.
func (d *demo) failedPoll(commit string) (string, error) {
	log, err := os.ReadFile(d.helper.log)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(log)) {
		var entry struct{ Msg, Reason, StillPublished string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "poll failed" && entry.StillPublished == commit {
			return fmt.Sprintf("git-poller: %s, reason %s, stillPublished %s", entry.Msg, entry.Reason, commit), nil
		}
	}
	return "", fmt.Errorf("its log has no failed poll with %s still published", commit)
}

// unwrapped joins the lines of warnings that were broken because they are long.
func unwrapped(warnings string) string {
	return strings.ReplaceAll(warnings, "\nWarning: pillion:   ", " ")
}
