// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/pillion-dev/pillion/hack/images/internal/gobuild"
)

func TestSourceDateEpochReplacesTheCommitsTime(t *testing.T) {
	commit := gobuild.Binary{Time: time.Unix(2000, 0)}
	t.Setenv("SOURCE_DATE_EPOCH", "1000")
	if got, err := buildTime(commit); err != nil || !got.Equal(time.Unix(1000, 0)) {
		t.Errorf("time %s and error %v, want 1000 s after 1970", got, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	const want = `SOURCE_DATE_EPOCH is "yesterday"; it must be a number of seconds since 1970`
	if _, err := buildTime(commit); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
