// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/telling"
)

// once is what makes no difference where the helper ends before the app starts.
var once = option.Idle{Option: helper.Mode, Value: "once"}

// metrics are the options of metrics, which git-sync has of its own.
func metrics() []option.Option {
	options := helper.MetricsOptions(once)
	options[0].WithGitSync = "The same, with git-sync's own metrics."
	return options
}

// notifyOptions are the options that notify the app of commits.
func notifyOptions() []option.Option {
	options := telling.Options("commit", "Pillion-Commit", "With wait, the first commit is published before the app starts, so the app is not notified of it.", once)
	for i := range options {
		options[i].WithGitSync = "Without effect, since `notify` is denied."
		if name := options[i].Name; name == telling.Notify || name == telling.Signal {
			options[i].WithGitSync = "Denied: git-sync does not tell the app in this way. config-reloader can watch `current` below mount-path."
		}
	}
	return options
}
