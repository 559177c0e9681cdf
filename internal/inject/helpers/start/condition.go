// SPDX-License-Identifier: Apache-2.0

package start

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// condition is what a container waits for before it starts.
type condition struct {
	text      string // canonical: what the wrapper is told
	container string // that has to have started or ended; "" for other conditions
	exited    bool
	helper    string // that has to be up, as in the front of an annotation key: "docs.git-poller"
}

// conditionKinds are the words before the colon.
var conditionKinds = []string{"mqueue", "sysv-msg", "sysv-sem", "sysv-shm", "shm", "file", "socket", "fifo", "tcp", "http", "started", "exited", "ready"}

// conditions are a comma list of container=condition.
var conditions = option.Kind{
	Name: "conditions", NamesContainers: true, Parse: parseConditions,
	Pattern: option.ByName(func(text string) (string, error) {
		c, err := parseCondition(text)
		return c.text, err
	}),
	Redact: func(text string) string {
		if strings.Contains(text, "@") || strings.Contains(text, "://") {
			return option.WithoutCredentials(text)
		}
		return text
	},
}

func parseConditions(text string) (option.Value, error) {
	return parsePairs(text, "consumer=mqueue:/events", func(p *pair) (err error) {
		p.condition, err = parseCondition(p.value)
		p.value = p.condition.text
		return err
	})
}

// parseCondition reads kind:what.
func parseCondition(text string) (condition, error) {
	kind, what, _ := strings.Cut(text, ":")
	c := condition{}
	var err error
	switch kind {
	case "mqueue", "shm":
		what, err = option.KernelName(what)
	case "sysv-msg", "sysv-sem", "sysv-shm":
		what, _, err = option.SysVKey(what)
	case "file", "socket", "fifo":
		err = option.PlainPath(what)
	case "tcp":
		what, err = parseAddress(what)
	case "http":
		what, err = parseHTTP(what)
	case "started", "exited":
		if len(validation.IsDNS1123Label(what)) > 0 {
			err = errors.New("must name a container, such as started:db")
		}
		c.container, c.exited = what, kind == "exited"
	case "ready":
		if len(validation.IsDNS1123Subdomain(what)) > 0 || strings.Count(what, ".") > 1 {
			err = errors.New("must name a helper as annotation keys do, such as ready:log-shipper or ready:docs.git-poller")
		}
		c.helper = what
	case "https":
		err = errors.New("is not a condition: the wrapper knows no certificates; wait with tcp:host:port")
	default:
		err = fmt.Errorf("is not a condition; the conditions are %s%s", option.JoinAnd(conditionKinds), nearmiss.DidYouMean(nearmiss.Nearest(kind, conditionKinds)))
	}
	if err != nil {
		return condition{}, err
	}
	c.text = kind + ":" + what
	return c, nil
}

// parseAddress reads host:port. The host is a DNS name or an IP address, of which one
// with colons stands in brackets.
func parseAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errors.New("must have a host and a port, such as 127.0.0.1:5432 or [::1]:5432")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("must have a port from 1 to 65535")
	}
	host = strings.ToLower(host)
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		host = addr.Unmap().String()
	} else if len(validation.IsDNS1123Subdomain(strings.TrimSuffix(host, "."))) > 0 {
		return "", errors.New("must have a host that is a DNS name or an IP address, such as localhost")
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// parseHTTP reads host:port/path. People write http://host:port/path as well.
func parseHTTP(text string) (string, error) {
	address, path, _ := strings.Cut(strings.TrimPrefix(text, "//"), "/")
	address, err := parseAddress(address)
	if err != nil {
		return "", err
	}
	if strings.Trim(path, pathLetters) != "" {
		return "", errors.New("must have a path of letters, digits and any of -._~!$*+;:@=&%/?")
	}
	return address + "/" + path, nil
}

// pathLetters are those of a path and a query (RFC 3986) but for the ones that separate
// the elements of a list.
const pathLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$*+;:@=&%/?"
