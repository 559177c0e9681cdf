// SPDX-License-Identifier: Apache-2.0

package start

import (
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Names of options of start.
const (
	after   = "after"
	timeout = "timeout"
	umask   = "umask"
)

// Where a container of the app finds the wrapper, and where wrappers tell each other
// which containers have started and ended.
const (
	binVolume = pod.ReservedPrefix + "bin"
	binDir    = "/.pillion/bin"
	runVolume = pod.ReservedPrefix + "run"
	runDir    = "/.pillion/run"
	wrapper   = binDir + helper.Program
)
