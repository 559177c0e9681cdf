// SPDX-License-Identifier: Apache-2.0

//go:build linux

package flood

import (
	"net/http"
	"testing"
)

// Each hostile review is answered, with a line, by a webhook that has nothing else to do.
func TestHostileReviewsAreAnswered(t *testing.T) {
	t.Parallel()
	w := run(t, build(t))
	c := w.client("127.2.0.1")
	defer c.CloseIdleConnections()
	for i, body := range hostileBodies() {
		status, answer, err := w.post(t.Context(), c, body)
		if err != nil || answer > 256<<10 || status != http.StatusOK && status != http.StatusBadRequest {
			t.Errorf("hostile review %d: status %d with %d bytes, %v", i, status, answer, err)
		}
		t.Logf("hostile review %d: status %d with %d bytes; the peak is %.0f MiB", i, status, answer, w.memory(t, "VmHWM"))
	}
	if err := w.review(c); err != nil {
		t.Errorf("a good review afterwards: %v", err)
	}
	if peak := w.memory(t, "VmHWM"); peak > mostMiB {
		t.Errorf("the peak is %.0f MiB, want at most %d", peak, mostMiB)
	}
}
