// SPDX-License-Identifier: Apache-2.0

// Package helpers lists the helpers that Pillion brings. A new one is a directory here, what it
// runs under internal/, and one line below.
package helpers

import (
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers/configreloader"
	"github.com/pillion-dev/pillion/internal/inject/helpers/datewriter"
	"github.com/pillion-dev/pillion/internal/inject/helpers/gitpoller"
	"github.com/pillion-dev/pillion/internal/inject/helpers/ipc"
	"github.com/pillion-dev/pillion/internal/inject/helpers/start"
)

// Builtin are the helpers of this version.
func Builtin() *helper.Set {
	return helper.NewSet(configreloader.Helper(), datewriter.Helper(), gitpoller.Helper(), ipc.Helper(), start.Helper())
}
