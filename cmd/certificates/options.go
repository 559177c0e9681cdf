// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pillion-dev/pillion/internal/renewal"
)

// options is everything that can be set from outside.
type options struct {
	namespace, secret    string
	mutating, validating []string
	dnsNames             []string
	validity             time.Duration
	settle, overlap      time.Duration
	revision             string
	patience, timeout    time.Duration
	kubeconfig           string
	logFormat            string
	version              bool
}

func (o *options) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("certificates", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&o.namespace, "namespace", "", "the `namespace` of the Secret")
	f.StringVar(&o.secret, "secret", "", "the `name` of the Secret; it has to be there, empty at first")
	f.StringArrayVar(&o.mutating, "mutating", nil, "the `name` of a MutatingWebhookConfiguration, all of whose entries shall trust the certificate; may be repeated")
	f.StringArrayVar(&o.validating, "validating", nil, "the `name` of a ValidatingWebhookConfiguration; may be repeated")
	f.StringArrayVar(&o.dnsNames, "dns-name", nil, "a DNS `name` for the certificate, such as pillion-webhook.pillion-system.svc; may be repeated")
	f.DurationVar(&o.validity, "validity", 90*24*time.Hour, "how long a certificate is valid; it is renewed after two thirds of that `time`")
	f.DurationVar(&o.settle, "settle", time.Minute, "the `time` in which every API server learns of a changed webhook configuration; before it is over, no new certificate is served")
	f.DurationVar(&o.overlap, "overlap", 12*time.Hour, "how long a certificate stays trusted after its successor was handed over: the `time` in which every pod has got that")
	f.StringVar(&o.revision, "revision", "", "wait until the webhook configurations have this `value` in the annotation "+renewal.RevisionAnnotation)
	f.DurationVar(&o.patience, "patience", 5*time.Minute, "the `time` to wait for webhook configurations that are not there, or not of the revision")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "the `time` for everything; what is left is done by the next run")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "a kubeconfig `file`; without it, the ServiceAccount of the pod is used")
	f.StringVar(&o.logFormat, "log-format", "json", "the `format` of the log, which goes to standard error: json or text")
	f.BoolVar(&o.version, "version", false, "print version, commit, Go version and platform, then exit")
	return f
}

// parse reads the command line. It returns pflag.ErrHelp when help was asked for, and
// otherwise an error with every value that cannot be used.
func parse(args []string) (*options, error) {
	var o options
	f := o.flags()
	f.Usage = func() {} // printing is for the caller
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: everything is set by flags", f.Arg(0))
	}
	if o.version {
		return &o, nil
	}
	return &o, o.validate()
}

// validate finds all mistakes at once.
func (o *options) validate() error {
	var errs []error
	check := func(flag string, wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("--"+flag+": "+format, args...))
		}
	}
	check("namespace", o.namespace == "", "is empty: name the namespace of the Secret")
	check("secret", o.secret == "", "is empty: name the Secret for the certificate")
	check("mutating", len(o.mutating)+len(o.validating) == 0, "is empty, as is --validating: name a webhook configuration, or nobody trusts the certificate")
	check("dns-name", len(o.dnsNames) == 0, "is empty: name the webhook's Service, such as pillion-webhook.pillion-system.svc")
	for _, name := range o.dnsNames {
		check("dns-name", len(validation.IsDNS1123Subdomain(name)) > 0, "%q is not a DNS name: use one such as pillion-webhook.pillion-system.svc", name)
	}
	check("validity", o.validity < renewal.MinValidity, "%s is too short for some runs to fail before it ends: use %s or more", o.validity, renewal.MinValidity)
	check("settle", o.settle < 0, "%s is negative: use 0s or more", o.settle)
	check("overlap", o.overlap < 0 || o.overlap > o.validity/3, "%s is not from 0s to a third of --validity, which is %s", o.overlap, o.validity/3)
	check("patience", o.patience < 0, "%s is negative: use 0s or more", o.patience)
	check("timeout", o.timeout <= o.settle, "%s is not more than --settle, which is %s: nothing could ever be done", o.timeout, o.settle)
	if _, err := newLogger(io.Discard, o.logFormat); err != nil {
		errs = append(errs, fmt.Errorf("--log-format: %w", err))
	}
	return errors.Join(errs...)
}

func newLogger(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	default:
		return nil, fmt.Errorf("%q is unknown: use json or text", format)
	}
}
