// SPDX-License-Identifier: Apache-2.0

package e2e

import "testing"

// The other order, a server that goes away, is TestAnOutageOfTheServerHurtsNobody.
func TestAnAppWaitsForAServerThatComesUpLater(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitAddress()
	s.apply(site(ip, ""))
	s.awaitFailure("web", "Unreachable", "")
	s.waits("web")

	s.startGitServer("[gitserver]", 8080)
	s.awaitFailure("web", "NoSuchRef", "") // there is a repository, but nothing in it
	s.waits("web")

	s.push("one")
	s.wait("pod/web", "Ready")
	s.unhurt("web", "one")
}
