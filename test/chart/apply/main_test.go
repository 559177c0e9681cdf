// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"os"
	"testing"

	"github.com/pillion-dev/pillion/test/controlplane"
)

const root = "../../.."

// plane has no webhook of its own and no controllers: what changes here, an apply has changed.
var plane *controlplane.Plane

func TestMain(m *testing.M) {
	os.Exit(controlplane.Run(controlplane.Options{}, func(_ context.Context, p *controlplane.Plane) int {
		plane = p
		return m.Run()
	}))
}

func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, _, err := plane.Kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
