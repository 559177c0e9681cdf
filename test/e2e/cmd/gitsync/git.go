// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// prepare gives git a configuration of its own, and what ssh needs.
func (o *options) prepare(ctx context.Context) error {
	f, err := os.CreateTemp("", "gitsync.*")
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": f.Name(), "GIT_CONFIG_NOSYSTEM": "true",
		"GIT_SSH_COMMAND": "ssh -i " + o.keyFile + " -o StrictHostKeyChecking=yes -o UserKnownHostsFile=" + o.hostsFile,
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	settings := "credential.helper:cache --timeout 3600,core.askPass:true,gc.autoDetach:false"
	if o.config != "" {
		settings += "," + o.config
	}
	for setting := range strings.SplitSeq(settings, ",") {
		key, value, found := strings.Cut(setting, ":")
		if !found {
			return fmt.Errorf("--git-config: %q is not key:value", setting)
		}
		if _, err := git(ctx, "", "", "config", "--global", key, value); err != nil {
			return err
		}
	}
	return f.Close()
}

// sync publishes what the ref is now.
func (o *options) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if err := o.approve(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(o.root, 0o755); err != nil {
		return err
	}
	if _, err := git(ctx, o.root, "", "rev-parse", "--git-dir"); err != nil {
		if _, err := git(ctx, o.root, "", "init", "-q", "-b", "gitsync"); err != nil {
			return err
		}
	}
	if _, err := git(ctx, o.root, "", "fetch", "-q", "--no-auto-gc", "--depth", strconv.Itoa(o.depth), o.repo, o.ref); err != nil {
		return err
	}
	hash, err := git(ctx, o.root, "", "rev-parse", "FETCH_HEAD^{}")
	if err != nil {
		return err
	}
	tree := filepath.Join(o.root, ".worktrees", hash)
	if now, err := filepath.EvalSymlinks(o.link); err == nil && now == tree {
		return nil
	}
	if err := o.publish(ctx, tree, hash); err != nil {
		return err
	}
	log.Printf("published %s", hash)
	return o.sweep(ctx, hash)
}

// approve hands the password to git, as long as the file has it.
func (o *options) approve(ctx context.Context) error {
	if o.passwordFile == "" {
		return nil
	}
	password, err := os.ReadFile(o.passwordFile)
	if err != nil {
		return err
	}
	_, err = git(ctx, "", fmt.Sprintf("url=%s\nusername=%s\npassword=%s\n", o.repo, o.username, password), "credential", "approve")
	return err
}

// publish checks a commit out, and swaps the link when it is whole.
func (o *options) publish(ctx context.Context, tree, hash string) error {
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	if _, err := git(ctx, o.root, "", "worktree", "add", "-q", "--force", "--detach", "--no-checkout", tree, hash); err != nil {
		return err
	}
	if _, err := git(ctx, tree, "", "reset", "-q", "--hard", hash, "--"); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(o.link), tree)
	if err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(o.link), "tmp-link")
	if err := errors.Join(os.RemoveAll(next), os.Symlink(target, next)); err != nil {
		return err
	}
	return os.Rename(next, o.link)
}

// sweep removes the worktrees that nobody has read for long.
func (o *options) sweep(ctx context.Context, but string) error {
	trees, err := os.ReadDir(filepath.Join(o.root, ".worktrees"))
	for _, t := range trees {
		info, statErr := t.Info()
		if statErr != nil || t.Name() == but || time.Since(info.ModTime()) <= o.stale {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(o.root, ".worktrees", t.Name())))
	}
	_, pruned := git(ctx, o.root, "", "worktree", "prune")
	return errors.Join(err, pruned)
}

// git runs the program and returns what it printed. The error has what it said.
func git(ctx context.Context, dir, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.WaitDelay = time.Second // the cache of credentials stays behind and holds the pipes
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
