// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh/knownhosts"
)

// openSSH is the path of one of OpenSSH's programs, which CI always has.
func openSSH(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is needed; install openssh-client", name)
	default:
		t.Skipf("OpenSSH's %s is not here to compare with; install openssh-client", name)
	}
	return path
}

// ssh itself decides on every case as the table says.
func TestOpenSSHTrustsTheSameServers(t *testing.T) {
	t.Parallel()
	client := openSSH(t, "ssh")
	for name, c := range hostCases {
		if c.newer {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHostKeys(t)
			if c.certificate != nil {
				k.server.keys["certificate"] = k.certificate(c.certificate)
			}
			k.server.start()
			host, port, _ := net.SplitHostPort(k.server.address)
			known := filepath.Join(secret(t, map[string]string{"known_hosts": k.file(c.file)}), "known_hosts")
			cmd := exec.CommandContext(t.Context(), client, "-F", "none", "-v", "-p", port)
			for _, option := range []string{
				"UserKnownHostsFile=" + known, "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes", "UpdateHostKeys=no",
				"CheckHostIP=no", "BatchMode=yes", "IdentityFile=none", "IdentityAgent=none", "PreferredAuthentications=publickey",
			} {
				cmd.Args = append(cmd.Args, "-o", option)
			}
			cmd.Args = append(cmd.Args, "git@"+host, "true")
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
			said, _ := cmd.CombinedOutput() // it fails in any case: it has no key of its own
			distrusted := strings.Contains(string(said), "Host key verification failed")
			trusted := strings.Contains(string(said), "Permission denied")
			if trusted == distrusted || trusted != c.trusted {
				t.Errorf("ssh trusts it: %v, distrusts it: %v, want trusted %v\n%s", trusted, distrusted, c.trusted, said)
			}
		})
	}
}

// ssh-keygen -F finds the lines about a host, as ssh does. What it finds we find, with
// its marker, and no more.
func linesOfOpenSSH(t testing.TB, file, host string) []string {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), openSSH(t, "ssh-keygen"), "-l", "-F", host, "-f", known).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) { // 1: none
		t.Fatalf("ssh-keygen: %v", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if rest, comment := strings.CutPrefix(line, "# Host "+host+" found: line "); comment {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

// linesOfOurs is the same in our words: it reads each line by itself.
func linesOfOurs(file, address string) []string {
	var found []string
	number := 0
	for line := range strings.Lines(file) {
		number++
		about := parseKnownHosts(line, address).lines[0]
		if len(about.keys) > 0 {
			found = append(found, fmt.Sprint(number))
		}
		if len(about.authorities) > 0 {
			found = append(found, fmt.Sprint(number, " CA"))
		}
		if len(about.revoked) > 0 {
			found = append(found, fmt.Sprint(number, " REVOKED"))
		}
	}
	return found
}

var knownHostsSeeds = []string{
	"git.acme.example K\n[git.acme.example]:2222 K\n*.acme.example K\n*,!git.acme.example K\n!*.org,git.* K\n",
	"@cert-authority *.acme.example,!git.acme.example K\n@revoked * K\n@what * K\n@revoked\t* K\n @cert-authority * K\n@revoked @revoked * K\n",
	"GIT.acme.Example K\n\tgit.acme.example\tK\ngit.acme.example,K\ngit.acme.example\n# git.acme.example K\n",
	"H K\n|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= K\n|1|x|y K\n|2|x|y K\n|1 K\nH,* K\n",
	"git.acme.example ssh-rsa L\ngit.acme.example L\ngit.acme.example 1024 35 1234\ngit.acme.example K comment\ngit.acme.example #K\ngit.acme.example ssh-ed25519 #\n",
	"**** K\n*?*e K\n??????????????? K\ngit*acme*example K\ng*t.* K\n[git.*]:* K\n[*]:22 K\n[*]:22?? K\n,, K\n, K\n! K\n!,* K\n",
}

func FuzzKnownHostsAreReadAsOpenSSHReadsThem(f *testing.F) {
	for _, seed := range knownHostsSeeds {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	openSSH(f, "ssh-keygen")
	const (
		name = "git.acme.example"
		key  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPotLk0gVbBdCAFd7cDkdzQFeMA8hbmhJ5ZORyJmLqFV"
		lie  = "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIPotLk0gVbBdCAFd7cDkdzQFeMA8hbmhJ5ZORyJmLqFV"
	)
	f.Fuzz(func(t *testing.T, file string, port bool) {
		// C's strings end at NUL; OpenSSH wants a blank behind a marker if the line has one.
		if strings.ContainsAny(file, "\x00\r") || strings.Contains(file, "@") && strings.Contains(file, "\t") || len(file) > 4096 {
			return
		}
		address, host := name+":22", name
		if port {
			address, host = name+":2222", "["+name+"]:2222"
		}
		file = strings.NewReplacer("K", key, "L", lie, "H", knownhosts.HashHostname(host)).Replace(file)
		want, got := linesOfOpenSSH(t, file, host), linesOfOurs(file, address)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-OpenSSH +ours):\n%s", file, diff)
		}
	})
}
