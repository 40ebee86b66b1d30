/*
 * A stand-in for a module of another nginx that has an auth_jwt of its own. It takes the
 * directive and protects nothing. FOREIGN_ORDER puts it before or after ours.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static char *
foreign_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return NGX_CONF_OK;
}

static ngx_command_t commands[] = {
    { ngx_string(FOREIGN_DIRECTIVE),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      foreign_auth_jwt, 0, 0, NULL },

    ngx_null_command
};

static ngx_http_module_t context = { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL };

ngx_module_t ngx_http_foreign_module = {
    NGX_MODULE_V1,
    &context,
    commands,
    NGX_HTTP_MODULE,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING
};

ngx_module_t *ngx_modules[] = { &ngx_http_foreign_module, NULL };
char *ngx_module_names[] = { "ngx_http_foreign_module", NULL };
char *ngx_module_order[] = { FOREIGN_ORDER, NULL };
