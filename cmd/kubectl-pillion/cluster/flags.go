// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"
)

// Flags are kubectl's flags that say which cluster is meant, and as which user.
type Flags struct {
	kubeconfig string
	overrides  clientcmd.ConfigOverrides
}

// Bind adds the flags. The help shows those that people use every day; the others work
// as well.
func (f *Flags) Bind(flags *pflag.FlagSet) {
	names := clientcmd.RecommendedConfigOverrideFlags("")
	// kubectl has these no more.
	names.AuthOverrideFlags.Username, names.AuthOverrideFlags.Password = clientcmd.FlagInfo{}, clientcmd.FlagInfo{}
	names.ContextOverrideFlags.Namespace.Description = "the namespace (default: that of the kubeconfig's context)"
	names.CurrentContext.Description = "the context of the kubeconfig to use"
	bound := pflag.NewFlagSet("", pflag.ContinueOnError)
	clientcmd.BindOverrideFlags(&f.overrides, bound, names)
	bound.VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = flag.Name != clientcmd.FlagNamespace && flag.Name != clientcmd.FlagContext
		flags.AddFlag(flag)
	})
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "the kubeconfig file (default: $KUBECONFIG, or ~/.kube/config)")
}

// Connect reads the kubeconfig as kubectl does. It does not call the cluster yet.
func (f *Flags) Connect() (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &f.overrides)
	namespace, _, err := config.Namespace()
	if err != nil {
		return nil, f.wrongConfig(rules, err)
	}
	access, err := config.ClientConfig()
	if err != nil {
		return nil, f.wrongConfig(rules, err)
	}
	server := access.Host
	if name := f.Context(); name != "" {
		server += fmt.Sprintf(" (context %s)", name)
	}
	access.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &telling{rt, server} })
	return New(access, namespace)
}

// Context is the name of the kubeconfig's context that is used; "" if there is none.
func (f *Flags) Context() string {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &f.overrides).RawConfig()
	if err != nil {
		return ""
	}
	return cmp.Or(f.overrides.CurrentContext, config.CurrentContext)
}

// Host is the address of the API server.
func (c *Client) Host() string { return c.config.Host }
