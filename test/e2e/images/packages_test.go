// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheClosureIsTheSeedsAndTheirLibraries(t *testing.T) {
	t.Parallel()
	const depends = `nginx
  Depends: libssl3
  Depends: zlib1g
  Depends: iproute2
  Depends: nginx-common
  Depends: nginx-common
git
  PreDepends: libexpat1
  Depends: perl
  Depends: liberror-perl
iproute2
  Depends: libbpf1
libssl3
  Depends: libc6
 |Depends: libsystemd0
 |Depends: libelogind1
  Depends: libelogind0
  Depends: libgcc-s1
    libgcc-of-somebody-else
  Depends: libcrypt1
 |Depends: debconf
  Depends: <debconf-2.0>
    cdebconf
libc6
  Depends: libgcc-s1
libgcc-s1
  Depends: libc6
<debconf-2.0>
`
	got := closure(parseDependencies(depends), []string{"nginx", "git"})
	want := []string{"git", "libc6", "libcrypt1", "libexpat1", "libgcc-s1", "libssl3", "libsystemd0", "nginx", "zlib1g"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("closure (-want +got):\n%s", diff)
	}
}

func TestPackagesAreKnownByFileNameAndHash(t *testing.T) {
	t.Parallel()
	got, err := parseURIs(`'http://deb.example/pool/main/g/git/git_2.39.5-0%2bdeb12u3_amd64.deb' git_1%3a2.39.5-0+deb12u3_amd64.deb 7264380 SHA256:637a
'http://deb.example/pool/main/n/nginx/nginx-common_1.22_all.deb' nginx-common_1.22_all.deb 532468 SHA256:4e27
`)
	want := []deb{
		{"git", "git_1%3a2.39.5-0+deb12u3_amd64.deb", "637a"},
		{"nginx-common", "nginx-common_1.22_all.deb", "4e27"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(deb{})); err != nil || diff != "" {
		t.Errorf("error %v, packages (-want +got):\n%s", err, diff)
	}
	for _, line := range []string{"'http://deb.example/a.deb' a.deb 1 MD5Sum:12", "'http://deb.example/a.deb' a.deb 1"} {
		_, err := parseURIs(line + "\n")
		if err == nil || !strings.HasPrefix(err.Error(), "apt-get describes a package as ") {
			t.Errorf("%s: error %v, want one that shows the line", line, err)
		}
	}
}
