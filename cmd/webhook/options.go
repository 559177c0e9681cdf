// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/server"
)

// options is everything that can be set from outside. There is no configuration
// file and no environment variable.
type options struct {
	listen       string
	healthListen string
	maxBody      int64
	maxBodies    int64

	maxConnections          int
	maxConnectionsPerSource int

	certDir       string
	certDNSNames  []string
	tlsMinVersion string
	clientCAFile  string
	clientNames   []string

	policyDir   string
	helperImage string

	drainMin time.Duration
	drainMax time.Duration

	logFormat string
	logLevel  string

	denialsByNamespace int

	version bool
}

// flags declares every flag with its default, in the groups and the order of the
// help text. Each text says the unit and why one would change the value.
func (o *options) flags() cliflag.NamedFlagSets {
	var groups cliflag.NamedFlagSets

	f := groups.FlagSet("Serving")
	f.StringVar(&o.listen, "listen", ":8443",
		"The `host:port` that the API server calls, over TLS. The webhook's Service must point to this port. "+
			"Use :10250 where a firewall lets the control plane reach nodes on 443 and 10250 only, as in private GKE clusters.")
	f.StringVar(&o.healthListen, "health-listen", ":8081",
		"The `host:port` of /healthz, /readyz and /metrics, over plain HTTP. Change it when the port is taken, as can happen on the host network.")
	f.Int64Var(&o.maxBody, "max-body", 6<<20,
		"The largest request body, in `bytes`; a longer one is answered with 413. The default holds two objects of the 3 MiB that the API server takes. "+
			"Lower it to save memory where pods are known to be small.")
	f.Int64Var(&o.maxBodies, "max-bodies", 32<<20,
		"The most that all request bodies may hold at one time, in `bytes`; at least twice --max-body. A request above it is answered with 503 and Retry-After, and the API server sends it again. "+
			"Raise it, and the memory limit by about four times as much, if pillion_requests_shed_total grows.")

	f.IntVar(&o.maxConnections, "max-connections", 1024,
		"The most connections to --listen, a `number`. Half of it is for connections that have answered a good review and are kept open; beyond that, an answer closes its connection. "+
			"When all are in use, the oldest one without a good review makes way. Each can take 32 KiB; raise it if pillion_connections_turned_away_total grows.")
	f.IntVar(&o.maxConnectionsPerSource, "max-connections-per-source", 512,
		"The most connections from one IP address, a `number` from 2 to --max-connections; the next one is closed when it is accepted. "+
			"All API servers can have one address, behind NAT or konnectivity, and each opens a connection for each review that it waits for and keeps 25.")

	f = groups.FlagSet("Certificate")
	f.StringVar(&o.certDir, "cert-dir", "/etc/pillion/tls",
		"The `directory` of tls.crt and tls.key in PEM, such as a mounted Secret. It is checked every second, so a renewal needs no restart. "+
			"Files that are missing are waited for; files that are bad leave the last good pair in use.")
	f.StringArrayVar(&o.certDNSNames, "cert-dns-name", nil,
		"A DNS `name` that the certificate must cover, such as pillion.pillion-system.svc. Give it once for each name. "+
			"A certificate without it is not served. By default no name is checked.")
	f.StringVar(&o.tlsMinVersion, "tls-min-version", "1.2",
		"The lowest TLS `version` to accept, 1.2 or 1.3. Every supported API server speaks 1.3, so a hardened cluster can ask for it.")

	f.StringVar(&o.clientCAFile, "client-ca-file", "",
		"A `file` of CA certificates in PEM. With it, only callers that show a client certificate of one of them are served; a change of it is taken up within seconds. "+
			"API servers show one if their AdmissionConfiguration says so, see docs/security.md. By default, every client that reaches the port is served.")
	f.StringArrayVar(&o.clientNames, "client-name", nil,
		"A `name` that the client certificate must have, as its common name or a DNS name, such as kube-apiserver. Give it once for each name. "+
			"Needed where the CA signs certificates for others as well, as the cluster's own does for kubelets. By default every name will do.")

	f = groups.FlagSet("Policy")
	f.StringVar(&o.policyDir, "policy-dir", "",
		"The `directory` of InjectionPolicy files (.yaml, .yml, .json), such as a mounted ConfigMap. It is read once, at start; one mistake in one file and nothing is served. "+
			"Each policy is served at /inject/ and /warn/ with its name behind, which is how the webhook configurations pick it. "+
			"Without it, the built-in policy called default is in force.")
	f.StringVar(&o.helperImage, "helper-image", policy.DefaultImage,
		"The `image` of helpers in policies that name none, the built-in one included. Set it where nodes pull from a registry of your own.")

	f = groups.FlagSet("Lifecycle")
	f.DurationVar(&o.drainMin, "drain-min", 15*time.Second,
		"The least `time` to serve on after SIGTERM, such as 30s. It must exceed what it takes until all nodes and API servers know that this endpoint is gone; "+
			"raise it if pods are denied during a rollout.")
	f.DurationVar(&o.drainMax, "drain-max", 95*time.Second,
		"The most `time` to wait for connections to end after SIGTERM. The API server drops idle connections after 90s: with less than that, a review on its way can be lost. "+
			"terminationGracePeriodSeconds must be at least 25 seconds more.")

	f = groups.FlagSet("Logging")
	f.StringVar(&o.logFormat, "log-format", "json", "The `format` of the log, which goes to standard error: json for collectors, text for people.")
	f.StringVar(&o.logLevel, "log-level", "info",
		"The least `level` to log: debug, info, warn or error. debug adds failed TLS handshakes, which show whether the API server trusts the certificate.")

	f = groups.FlagSet("Metrics")
	f.IntVar(&o.denialsByNamespace, "denials-by-namespace", 0,
		"Count denied pods by namespace as well, as pillion_denied_pods_total: the `number` of namespaces that get series of their own, at most 1000. "+
			"The first that come have them; all others are one, _other. By default there is no such metric.")

	f = groups.FlagSet("Other")
	f.BoolVar(&o.version, "version", false, "Print version, commit, Go version and platform, then exit.")
	f.BoolP("help", "h", false, "Print this text, then exit.")
	return groups
}

// parse reads the command line. It returns pflag.ErrHelp when help was asked
// for, and otherwise an error with every value that cannot be used.
func parse(args []string) (*options, error) {
	var o options
	all := pflag.NewFlagSet("webhook", pflag.ContinueOnError)
	all.Usage = func() {} // printing is for the caller
	for _, group := range o.flags().FlagSets {
		all.AddFlagSet(group)
	}
	if err := all.Parse(args); err != nil {
		return nil, err
	}
	if asked, err := all.GetBool("help"); err != nil || asked {
		return nil, errors.Join(err, pflag.ErrHelp)
	}
	if all.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: everything is set by flags", all.Arg(0))
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &o, nil
}

// validate finds all mistakes at once.
func (o *options) validate() error {
	var errs []error
	check := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	check("listen", checkAddress(o.listen))
	check("health-listen", checkAddress(o.healthListen))
	if o.listen == o.healthListen && !strings.HasSuffix(o.listen, ":0") { // port 0: the kernel gives each its own
		check("health-listen", fmt.Errorf("%q is the address of --listen too: TLS and plain HTTP need a port each", o.healthListen))
	}
	if o.maxBody < 1 {
		check("max-body", fmt.Errorf("%d bytes would reject every review: use at least 1, the default is %d", o.maxBody, 6<<20))
	}
	if o.maxBodies/2 < o.maxBody {
		check("max-bodies", fmt.Errorf("%d bytes is less than twice --max-body, which is %d: large bodies get half of the room, and one has to fit", o.maxBodies, o.maxBody))
	}
	if o.maxConnections < 2 {
		check("max-connections", fmt.Errorf("%d leaves no room for both kept and new connections: use at least 2, the default is 1024", o.maxConnections))
	}
	if o.maxConnectionsPerSource < 2 || o.maxConnectionsPerSource > o.maxConnections {
		check("max-connections-per-source", fmt.Errorf("%d is not from 2 to --max-connections, which is %d", o.maxConnectionsPerSource, o.maxConnections))
	}
	if o.certDir == "" {
		check("cert-dir", errors.New("is empty: name the directory that holds tls.crt and tls.key"))
	}
	for _, name := range o.certDNSNames {
		if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
			check("cert-dns-name", fmt.Errorf("%q is not a DNS name: use one such as pillion.pillion-system.svc", name))
		}
	}
	check("helper-image", policy.CheckImage(o.helperImage))
	if o.denialsByNamespace < 0 || o.denialsByNamespace > server.MostNamespaces {
		check("denials-by-namespace", fmt.Errorf("%d is not from 0 to %d", o.denialsByNamespace, server.MostNamespaces))
	}
	_, err := minTLS(o.tlsMinVersion)
	check("tls-min-version", err)
	if len(o.clientNames) > 0 && o.clientCAFile == "" {
		check("client-name", errors.New("is for --client-ca-file, which is not given: nobody would be asked for a certificate"))
	}
	if o.drainMin < 0 {
		check("drain-min", fmt.Errorf("%s is negative: use 0s or more", o.drainMin))
	}
	if o.drainMax < o.drainMin {
		check("drain-max", fmt.Errorf("%s is less than --drain-min, which is %s", o.drainMax, o.drainMin))
	}
	_, err = server.NewLogger(io.Discard, o.logFormat, "info")
	check("log-format", err)
	_, err = server.NewLogger(io.Discard, "json", o.logLevel)
	check("log-level", err)
	return errors.Join(errs...)
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not host:port with a port from 0 to 65535: use one such as :8443 or [::1]:8443", address)
	}
	return nil
}

// minTLS turns "1.2" and "1.3" into what crypto/tls calls them.
func minTLS(version string) (uint16, error) {
	switch version {
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	default:
		return 0, fmt.Errorf("%q is not a version that can be served: use 1.2 or 1.3", version)
	}
}

// memory is what the webhook needs at most, in bytes, if all that it has a limit for is
// used up. The garbage collector is told to stay below it (unless GOMEMLIMIT says less), since
// with GOGC=400 the heap would grow to five times what is in use before it collects.
func (o *options) memory() int64 {
	const (
		itself        = 16 << 20
		perConnection = 32 << 10 // with TLS and HTTP/1.1: what was measured, docs/performance.md
	)
	// A body is held whole while it is decided on, with half as much beside it: large ones
	// are decided on one after the other.
	return itself + int64(o.maxConnections)*perConnection + o.maxBodies + o.maxBodies/2
}
