// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pillion-dev/pillion/internal/notify"
	"github.com/pillion-dev/pillion/internal/notify/target"
)

// notifyFlags say how an app is told.
type notifyFlags struct {
	url, method, statuses string
	signal                string
	targets               []notify.Target
}

func (n *notifyFlags) register(flags *flag.FlagSet) {
	flags.StringVar(&n.url, "notify", "", "`URL` of the pod's loopback to send a request to after a change, such as http://localhost:9090/-/reload")
	flags.StringVar(&n.method, "notify-method", "POST", "method of that request: "+strings.Join(target.Methods(), ", "))
	flags.StringVar(&n.statuses, "notify-status", "2xx", "`statuses` of an answer that mean success, such as 2xx,304")
	flags.StringVar(&n.signal, "signal", "", "`SIGNAL:CONTAINER` to send after a change, such as HUP:nginx; signals: "+strings.Join(target.Signals(), ", "))
}

// parse makes the targets of the flags. header is where a request names the change.
func (n *notifyFlags) parse(header string) error {
	if n.url != "" {
		request, err := notify.NewRequest(n.url, n.method, n.statuses, header)
		if err != nil {
			return usageError{fmt.Errorf("--notify: %w", err)}
		}
		n.targets = append(n.targets, request)
	}
	if n.signal != "" {
		signal, err := notify.NewSignal(n.signal)
		if err != nil {
			return usageError{fmt.Errorf("--signal: %w", err)}
		}
		n.targets = append(n.targets, signal)
	}
	return nil
}

// notifier is nil if nobody is to be told.
func (n *notifyFlags) notifier(log *slog.Logger, registry prometheus.Registerer) *notify.Notifier {
	if len(n.targets) == 0 {
		return nil
	}
	return notify.New(log, notify.NewMetrics(registry), n.targets...)
}
