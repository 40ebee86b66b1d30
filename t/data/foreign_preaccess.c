/*
 * A stand-in for a module of another nginx whose handler ends the PREACCESS phase for requests that
 * ask for "end", and for their subrequests, as nginx lets every handler do. FOREIGN_ORDER puts it
 * before or after ours.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static ngx_int_t
foreign_preaccess(ngx_http_request_t *r)
{
    ngx_str_t uri = r->unparsed_uri;

    return ngx_strnstr(uri.data, "?end", uri.len) ? NGX_OK : NGX_DECLINED;
}

static ngx_int_t
foreign_init(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *cmcf;
    ngx_http_handler_pt *h;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = foreign_preaccess;
    return NGX_OK;
}

static ngx_command_t commands[] = {
    ngx_null_command
};

static ngx_http_module_t context = { NULL, foreign_init, NULL, NULL, NULL, NULL, NULL, NULL };

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
