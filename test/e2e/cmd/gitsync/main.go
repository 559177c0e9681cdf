// SPDX-License-Identifier: Apache-2.0

// Command gitsync stands in for git-sync v4.7.1 in the stories: it takes those flags of it
// that the engine git-sync writes, and refuses all others, as git-sync does. Around Debian's
// git it does what git-sync's manual promises: a private root, a worktree for each commit, a
// relative link that is swapped, a configuration of its own in the temporary directory,
// a password that goes through git's cache of credentials.
//
// It is not git-sync, whose versions cannot be had as Go modules (their path has no /v4).
// Where the nodes have its image, the tests run that one: see
// test/e2e/webhook/git-sync-policy.yaml.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	repo, ref, root, link string
	depth                 int

	submodules, gc, config string
	addUser, groupWrite    bool

	period, firstPeriod, timeout, stale time.Duration
	failures, firstFailures             int
	once                                bool

	username, passwordFile, keyFile, hostsFile string
	checkHosts                                 bool

	bind    string
	metrics bool
}

// parse reads the flags. Their names and defaults are those of git-sync.
func parse(args []string, username string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("gitsync", flag.ContinueOnError)
	flags.StringVar(&o.repo, "repo", "", "the repository")
	flags.StringVar(&o.ref, "ref", "HEAD", "branch, tag or hash")
	flags.StringVar(&o.root, "root", "", "the directory to work in")
	flags.StringVar(&o.link, "link", "", "the link to publish")
	flags.IntVar(&o.depth, "depth", 1, "how many commits to fetch")
	flags.StringVar(&o.submodules, "submodules", "recursive", "has to be off here")
	flags.StringVar(&o.gc, "git-gc", "always", "has to be auto here")
	flags.StringVar(&o.config, "git-config", "", "key:value, and more behind commas")
	flags.BoolVar(&o.addUser, "add-user", false, "cannot be done on a read-only root")
	flags.BoolVar(&o.groupWrite, "group-write", false, "has to be false here")
	flags.DurationVar(&o.period, "period", 10*time.Second, "between two syncs")
	flags.DurationVar(&o.firstPeriod, "init-period", 0, "the same until one succeeds")
	flags.DurationVar(&o.timeout, "sync-timeout", 2*time.Minute, "of one sync")
	flags.DurationVar(&o.stale, "stale-worktree-timeout", 0, "how long a worktree stays")
	flags.IntVar(&o.failures, "max-failures", 0, "how many in a row; negative for any number")
	flags.IntVar(&o.firstFailures, "init-max-failures", 0, "the same until one succeeds")
	flags.BoolVar(&o.once, "one-time", false, "end after the first sync")
	flags.StringVar(&o.username, "username", username, "who logs in")
	flags.StringVar(&o.passwordFile, "password-file", "", "the password")
	flags.StringVar(&o.keyFile, "ssh-key-file", "/etc/git-secret/ssh", "the key")
	flags.BoolVar(&o.checkHosts, "ssh-known-hosts", true, "look at the known hosts")
	flags.StringVar(&o.hostsFile, "ssh-known-hosts-file", "/etc/git-secret/known_hosts", "the known hosts")
	flags.StringVar(&o.bind, "http-bind", "", "host:port to serve at")
	flags.BoolVar(&o.metrics, "http-metrics", false, "serve metrics as well")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case o.repo == "" || o.root == "" || o.link == "":
		return nil, errors.New("--repo, --root and --link are needed")
	case o.submodules != "off" || o.gc != "auto" || o.addUser || o.groupWrite || !o.checkHosts:
		return nil, errors.New("a stand-in has no submodules, no gc but auto, adds no user, and believes no host")
	case (o.username == "") != (o.passwordFile == ""):
		return nil, errors.New("a username and a password file go together") // fatal in git-sync, too
	}
	return o, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code, err := run(ctx)
	stop()
	if err != nil {
		log.Print(err)
	}
	os.Exit(code)
}

// run returns the exit code.
func run(ctx context.Context) (int, error) {
	o, err := parse(os.Args[1:], os.Getenv("GITSYNC_USERNAME"))
	if err != nil {
		return 1, err
	}
	syscall.Umask(0o022)
	if err := o.prepare(ctx); err != nil {
		return 1, err
	}
	if o.bind != "" {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.bind)
		if err != nil {
			return 1, err
		}
		server := &http.Server{Handler: o.handler(), ReadHeaderTimeout: time.Second}
		go func() { log.Print(server.Serve(listener)) }()
	}
	return o.loop(ctx), nil
}

// handler serves one metric, as proof that somebody listens.
func (o *options) handler() http.Handler {
	mux := http.NewServeMux()
	if o.metrics {
		mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("# TYPE git_fetch_count_total counter\ngit_fetch_count_total 1\n"))
		})
	}
	return mux
}

// loop returns the exit code.
func (o *options) loop(ctx context.Context) int {
	pause, most := o.firstPeriod, o.firstFailures
	for failed := 0; ; {
		err := o.sync(ctx)
		switch {
		case err == nil && o.once:
			return 0
		case err == nil:
			pause, most, failed = o.period, o.failures, 0
		default:
			failed++
			log.Printf("sync failed, %d in a row: %v", failed, err)
			if most >= 0 && failed >= most {
				return 1
			}
		}
		select {
		case <-ctx.Done():
			return 128 + int(syscall.SIGTERM)
		case <-time.After(pause):
		}
	}
}
